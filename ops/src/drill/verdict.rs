//! What the applied alarms make of the seconds that were recorded.
//!
//! A second of the drill counts as a minute of `CloudWatch`: rates are what they were, a minute is
//! sixty times shorter. Before the incident stands an hour and a quarter of the healthy seconds that
//! were seen before it, over and over; after the recovery the same. So windows of an hour are full.

use std::path::Path;

use anyhow::Context as _;

use super::recorder::Second;
use crate::alarms::alarm::{Alarm, Kind, alarms};
use crate::alarms::evaluate::State;
use crate::alarms::metric::{MetricId, Store};
use crate::alarms::replay::{Change, replay};
use crate::alarms::sample::Sample;
use crate::plan::Plan;
use crate::stage::Stage;

/// Minutes of health before and after.
const AROUND: i64 = 75;

/// The applied alarms, and the dimensions that the recorded metrics carry.
#[derive(Debug)]
pub(super) struct Judge {
    alarms: Vec<Alarm>,
    balancer: String,
    group: String,
    service: String,
}

/// When an alarm went off, and when it was over; minutes from the incident's beginning.
#[derive(Debug, Clone, Copy)]
pub(super) struct Verdict {
    /// Minutes until ALARM.
    pub(super) alarm: i64,
    /// Minutes from the recovery to OK.
    pub(super) ok: Option<i64>,
}

impl Judge {
    /// Reads the alarms that were applied.
    pub(super) async fn new(stage: &Stage) -> anyhow::Result<Self> {
        let plan = Plan::parse(&stage.plan_json().await?).context("the applied stack as a plan")?;
        let alarms = alarms(&plan)?;
        let suffix = |arn: &str, from: &str| {
            arn.split_once(from).map(|(_, s)| s.to_owned()).context("an ARN's suffix")
        };
        Ok(Self {
            alarms,
            balancer: suffix(&stage.applied.arn, ":loadbalancer/")?,
            group: stage.group.arn.rsplit(':').next().context("an ARN's suffix")?.to_owned(),
            service: stage.names.1.rsplit('/').next().context("the service's name")?.to_owned(),
        })
    }

    /// Number of alarms.
    pub(super) fn alarms(&self) -> usize {
        self.alarms.len()
    }

    /// Replays: health, the incident up to its end and recovery, health.
    pub(super) fn of(
        &self,
        name: &str,
        health: &[Second],
        incident: &[Second],
        recovered: usize,
        desired: usize,
    ) -> anyhow::Result<Option<Verdict>> {
        let mut store = Store::default();
        let length = i64::try_from(incident.len())?;
        let healthy = || health.iter().cycle();
        for (minute, second) in (-AROUND..0)
            .zip(healthy())
            .chain((0..).zip(incident))
            .chain((length..length + AROUND).zip(healthy()))
        {
            self.push(&mut store, minute, second, desired)?;
        }
        self.replay(name, &store, -AROUND, length + AROUND, i64::try_from(recovered)?)
    }

    /// Replays one daily figure: what it was in the incident, and what it is a day later.
    pub(super) fn of_daily(
        &self,
        name: &str,
        metric: &str,
        bad: f64,
        good: f64,
    ) -> anyhow::Result<Option<Verdict>> {
        let id = self.alarm(name).and_then(|a| match &a.kind {
            Kind::Metric(alarm) => {
                alarm.metrics.values().find(|m| m.id.name == metric).map(|m| m.id.clone())
            }
            Kind::Composite(_) => None,
        });
        let id = id.with_context(|| format!("no alarm {name} on {metric}"))?;
        let mut store = Store::default();
        for (minute, value) in [(-1440, good), (0, bad), (1440, good)] {
            store.push(&id, minute, &[Sample { value, count: 1.0 }]);
        }
        self.replay(name, &store, -10, 2900, 0)
    }

    fn replay(
        &self,
        name: &str,
        store: &Store,
        from: i64,
        to: i64,
        recovered: i64,
    ) -> anyhow::Result<Option<Verdict>> {
        let full =
            self.alarm(name).with_context(|| format!("no alarm {name} was applied"))?.name.clone();
        // A composite needs its children, whose names begin with its own.
        let wanted: Vec<_> =
            self.alarms.iter().filter(|a| a.name.starts_with(&full)).cloned().collect();
        let changes = replay(&wanted, store, from..to)?;
        let mut own = changes.iter().filter(|c: &&Change| c.alarm == full && c.minute >= 0);
        let Some(alarm) = own.find(|c| c.to == State::Alarm) else { return Ok(None) };
        let ok = own.rfind(|c| c.to == State::Ok).map(|c| (c.minute - recovered).max(0));
        Ok(Some(Verdict { alarm: alarm.minute + 1, ok }))
    }

    fn alarm(&self, name: &str) -> Option<&Alarm> {
        self.alarms.iter().find(|a| a.name.ends_with(&format!("-{name}")))
    }

    fn push(
        &self,
        store: &mut Store,
        minute: i64,
        second: &Second,
        desired: usize,
    ) -> anyhow::Result<()> {
        let mut put = |metric: &str, samples: &[Sample]| -> anyhow::Result<()> {
            store.push(&MetricId::parse(metric)?, minute, samples);
            Ok(())
        };
        let (balancer, both) = (
            format!("LoadBalancer={}", self.balancer),
            format!("LoadBalancer={} TargetGroup={}", self.balancer, self.group),
        );
        let count = |number: u32| {
            if number == 0 { vec![] } else { vec![Sample { value: 1.0, count: f64::from(number) }] }
        };
        for (class, number) in ["2XX", "4XX", "5XX"].iter().zip(second.target) {
            put(
                &format!("AWS/ApplicationELB HTTPCode_Target_{class}_Count {balancer}"),
                &count(number),
            )?;
        }
        put(
            &format!("AWS/ApplicationELB HTTPCode_ELB_5XX_Count {balancer}"),
            &count(second.elb_5xx),
        )?;
        put(
            &format!("AWS/ApplicationELB RequestCount {both}"),
            &count(second.target.iter().sum()),
        )?;
        let latencies: Vec<_> =
            second.latencies.iter().map(|value| Sample { value: *value, count: 1.0 }).collect();
        put(&format!("AWS/ApplicationELB TargetResponseTime {balancer}"), &latencies)?;
        let gauge = |value: usize| {
            [Sample { value: f64::from(u32::try_from(value).unwrap_or(u32::MAX)), count: 1.0 }]
        };
        put(&format!("AWS/ApplicationELB HealthyHostCount {both}"), &gauge(second.hosts.0))?;
        put(&format!("AWS/ApplicationELB UnHealthyHostCount {both}"), &gauge(second.hosts.1))?;
        let service = format!("ClusterName={0} ServiceName={0}", self.service);
        put(&format!("ECS/ContainerInsights RunningTaskCount {service}"), &gauge(second.running))?;
        put(&format!("ECS/ContainerInsights DesiredTaskCount {service}"), &gauge(desired))?;
        if let Some(value) = second.memory {
            put(&format!("AWS/ECS MemoryUtilization {service}"), &[Sample { value, count: 1.0 }])?;
        }
        for datum in &second.sidecar {
            store.push(&datum.id, minute, &[Sample { value: datum.value, count: 1.0 }]);
        }
        Ok(())
    }
}

/// Whether the runbook has a section of this name: a heading that ends in it.
pub(super) fn has_section(runbook: &Path, section: &str) -> bool {
    let files: Vec<_> = if runbook.is_dir() {
        std::fs::read_dir(runbook).into_iter().flatten().flatten().map(|e| e.path()).collect()
    } else {
        vec![runbook.to_owned()]
    };
    files.iter().filter_map(|file| std::fs::read_to_string(file).ok()).any(|text| {
        text.lines()
            .any(|line| line.starts_with('#') && line.trim_start_matches('#').trim() == section)
    })
}

#[cfg(test)]
mod tests {
    use super::has_section;

    #[test]
    fn a_section_is_a_heading_of_that_name() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("runbook.md");
        std::fs::write(&file, "# Runbook\n\n## elb-5xx\n\nSee target-5xx.\n").unwrap();
        assert!(has_section(&file, "elb-5xx"));
        assert!(!has_section(&file, "target-5xx"), "a mention is no section");
        assert!(!has_section(&folder.path().join("absent.md"), "elb-5xx"));
    }
}
