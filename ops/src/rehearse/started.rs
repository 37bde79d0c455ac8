//! Checks the order in which the containers of a deployment started.

use std::time::Instant;

use anyhow::{Context as _, ensure};

use crate::task::definition::TaskDefinition;
use crate::task::running::Task;
use crate::testbed::Testbed;
use crate::testbed::report::Report;

/// The observed start of one task.
#[derive(Debug, Clone, Copy)]
struct Start {
    api_healthy: Option<Instant>,
    nginx_started: Option<Instant>,
    running: bool,
}

impl Start {
    fn from_task(task: &Task) -> Self {
        let api = task.container("api");
        Self {
            api_healthy: api.and_then(|c| c.first_healthy.get().copied()),
            nginx_started: task.container("nginx").map(|c| c.started),
            running: task.ended().is_none(),
        }
    }
}

/// Checks that the service has all its tasks, of this definition, and that each nginx waited for its API.
pub(super) fn check(testbed: &Testbed, definition: &TaskDefinition, report: &mut Report) {
    let of_it = |task: &Task| task.definition.task_definition_arn == definition.task_definition_arn;
    let tasks = testbed.service.tasks.iter().map(|live| &live.task);
    let starts: Vec<Start> = tasks.filter(|task| of_it(task)).map(Start::from_task).collect();
    let desired = testbed.service.desired;
    report.attempt(
        &format!(
            "{desired} tasks of {} started, nginx after the API was healthy",
            definition.short_name()
        ),
        in_order(&starts, desired),
    );
}

fn in_order(starts: &[Start], desired: usize) -> anyhow::Result<String> {
    ensure!(desired > 0 && starts.len() == desired, "{} of {desired} tasks", starts.len());
    let mut waited = Vec::new();
    for start in starts {
        ensure!(start.running, "a container has ended");
        let healthy = start.api_healthy.context("an API was never healthy")?;
        let nginx = start.nginx_started.context("a task has no nginx")?;
        let after = nginx.checked_duration_since(healthy).context("nginx started first")?;
        waited.push(format!("{:.1} s", after.as_secs_f32()));
    }
    Ok(format!("{} after it", waited.join(" and ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn missing_task_or_early_sidecar_fails() {
        let healthy = Instant::now();
        let later = healthy + Duration::from_secs(1);
        let good = Start { api_healthy: Some(healthy), nginx_started: Some(later), running: true };
        assert_eq!(in_order(&[good, good], 2).unwrap(), "1.0 s and 1.0 s after it");
        for (starts, desired) in [
            (vec![], 0),
            (vec![], 2),
            (vec![good], 2),
            (vec![good, good], 1),
            (vec![Start { api_healthy: None, ..good }], 1),
            (vec![Start { api_healthy: Some(later), nginx_started: Some(healthy), ..good }], 1),
            (vec![Start { nginx_started: None, ..good }], 1),
            (vec![Start { running: false, ..good }], 1),
        ] {
            assert!(in_order(&starts, desired).is_err(), "{starts:?}");
        }
    }
}
