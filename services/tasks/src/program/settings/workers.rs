//! The settings of the workers.

use super::SettingsError;
use crate::jobs;
use crate::jobs::cleanup_temp::Retentions;
use crate::model::task::Kind;
use crate::work::Policy;
use clap::{Args, value_parser};
use std::time::Duration;

/// The settings of a process that runs jobs.
#[derive(Debug, Args)]
pub struct WorkerSettings {
    /// Jobs that run at once in this process, 0 to 64. With 0, another process must run them
    #[arg(long, env, default_value_t = 4, value_parser = value_parser!(u8).range(..=64), value_name = "N")]
    pub workers: u8,

    /// Jobs of one user that run at once in all processes, 1 to 1000
    #[arg(long, env, default_value_t = 1000, value_parser = value_parser!(u32).range(1..=1000), value_name = "N")]
    pub workers_per_user: u32,

    /// Jobs of a type that run at once in all processes, such as `resize_image=2,generate_report=1`
    #[arg(long, env, value_delimiter = ',', value_parser = limit, value_name = "TYPE=N")]
    pub workers_per_type: Vec<(Kind, u32)>,

    /// Time for which files that jobs made are kept, such as 7d
    #[arg(long, env, default_value = "7d", value_parser = retention, value_name = "TIME")]
    pub retention_results: Duration,

    /// Time for which ended jobs are kept, such as 30d. Manual tasks stay
    #[arg(long, env, default_value = "30d", value_parser = retention, value_name = "TIME")]
    pub retention_jobs: Duration,

    /// Time for which events are kept, such as 24h
    #[arg(long, env, default_value = "24h", value_parser = retention, value_name = "TIME")]
    pub retention_events: Duration,

    /// Time after which another worker takes a job from a worker that is lost, 1s to 10m
    #[arg(long, env, default_value = "30s", value_parser = lease, value_name = "TIME")]
    pub job_lease: Duration,
}

impl WorkerSettings {
    /// Refuses two limits of one type.
    pub fn check(&self) -> Result<(), SettingsError> {
        let mut kinds: Vec<_> = self.workers_per_type.iter().map(|(kind, _)| kind).collect();
        kinds.sort_unstable();
        let twice = kinds.windows(2).find(|pair| pair[0] == pair[1]);
        twice.map_or(Ok(()), |pair| Err(SettingsError::TwoLimits(pair[0].clone())))
    }

    /// How the process works. `None` if it runs no jobs.
    #[must_use]
    pub fn policy(&self, drain: Duration, can_isolate: bool) -> Option<Policy> {
        let policy = Policy {
            slots: self.workers.into(),
            limits: self.workers_per_type.clone(),
            per_user: self.workers_per_user,
            lease: self.job_lease,
            drain,
            can_isolate,
            retentions: Retentions {
                results: self.retention_results,
                jobs: self.retention_jobs,
                events: self.retention_events,
            },
            ..Policy::default()
        };
        (self.workers > 0).then_some(policy)
    }
}

fn limit(text: &str) -> Result<(Kind, u32), String> {
    let expected =
        || format!("`{text}` is not a type and a number from 1 to 1000, such as resize_image=2");
    let (name, number) = text.split_once('=').ok_or_else(expected)?;
    let kind = jobs::kind(name).filter(Kind::is_job).ok_or_else(expected)?;
    let number = number.parse().ok().filter(|number| (1..=1000).contains(number));
    Ok((kind, number.ok_or_else(expected)?))
}

fn lease(text: &str) -> Result<Duration, String> {
    let range = Duration::from_secs(1)..=Duration::from_mins(10);
    let lease = humantime::parse_duration(text).ok().filter(|lease| range.contains(lease));
    lease.ok_or_else(|| "must be a time from 1s to 10m, such as 30s".to_owned())
}

fn retention(text: &str) -> Result<Duration, String> {
    let time = humantime::parse_duration(text).ok().filter(|time| *time >= Duration::from_hours(1));
    time.ok_or_else(|| "must be a time of an hour or more, such as 7d".to_owned())
}
