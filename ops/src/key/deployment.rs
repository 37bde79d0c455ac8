//! The deployment that a change of the list needs: a task reads the list when it starts.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde::Deserialize;

use super::target::Names;
use crate::aws;

/// From one look at the service to the next.
const PAUSE: Duration = Duration::from_secs(5);

/// One of the service's deployments, as ECS describes it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Deployment {
    id: String,
    #[serde(default)]
    rollout_state: String,
    #[serde(default)]
    rollout_state_reason: String,
    running_count: u32,
    desired_count: u32,
}

/// How far a deployment is.
#[derive(Debug, PartialEq, Eq)]
enum Progress {
    /// Every task is a new one.
    Steady,
    /// New tasks that run, new tasks asked for, old tasks that run.
    Going(u32, u32, u32),
    /// It did not succeed, for this reason.
    Failed(String),
}

/// Replaces every task, and waits until no old one runs. An error when that takes longer than `patience`.
pub(super) fn deploy(names: &Names, patience: Duration) -> anyhow::Result<()> {
    let Names { cluster, service, .. } = names;
    let query = "service.deployments[?status=='PRIMARY'].id | [0]";
    let update = ["ecs", "update-service", "--cluster", cluster, "--service", service];
    let id: String =
        aws::call(&[&update[..], &["--force-new-deployment", "--query", query]].concat())?;
    eprintln!("{service}: new tasks start, because a task reads the list when it starts ({id})");
    let started = Instant::now();
    let mut last = None;
    loop {
        let describe = ["ecs", "describe-services", "--cluster", cluster, "--services", service];
        let query = ["--query", "services[0].deployments"];
        let deployments: Vec<Deployment> =
            aws::call(&[&describe[..], &query].concat()).with_context(|| unfinished(service))?;
        let progress = progress(&id, &deployments);
        let seconds = started.elapsed().as_secs();
        match &progress {
            Progress::Steady => {
                eprintln!("{service}: every task has the new list, after {seconds} s");
                return Ok(());
            }
            Progress::Failed(reason) => bail!("{service}: {reason}. {}", unfinished(service)),
            Progress::Going(new, desired, old) if last.as_ref() != Some(&progress) => {
                eprintln!("{seconds:4} s  {new} of {desired} new tasks run, {old} old ones");
            }
            Progress::Going(..) => {}
        }
        if started.elapsed() >= patience {
            bail!(
                "{service}: the deployment has not ended after {seconds} s. {}",
                unfinished(service)
            );
        }
        last = Some(progress);
        sleep(PAUSE);
    }
}

fn unfinished(service: &str) -> String {
    format!(
        "The new list is in SSM, and tasks of {service} may still have the old one: `ops key deploy` starts new tasks"
    )
}

fn progress(id: &str, deployments: &[Deployment]) -> Progress {
    let Some(own) = deployments.iter().find(|deployment| deployment.id == id) else {
        return Progress::Failed("another deployment took the place of this one".to_owned());
    };
    let old: u32 = deployments.iter().filter(|d| d.id != id).map(|d| d.running_count).sum();
    match own.rollout_state.as_str() {
        "FAILED" => {
            Progress::Failed(format!("the deployment failed: {}", own.rollout_state_reason))
        }
        "COMPLETED" if old == 0 => Progress::Steady,
        _ => Progress::Going(own.running_count, own.desired_count, old),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, from_value, json};

    fn one(id: &str, state: &str, running: u32) -> Value {
        json!({ "id": id, "status": "PRIMARY", "rolloutState": state, "rolloutStateReason": "tasks failed to start",
            "runningCount": running, "desiredCount": 2, "failedTasks": 0 })
    }

    #[test]
    fn a_deployment_is_steady_when_no_old_task_runs() {
        let failed = "the deployment failed: tasks failed to start";
        for (deployments, expected) in [
            (json!([one("new", "COMPLETED", 2)]), Progress::Steady),
            (json!([one("new", "COMPLETED", 2), one("old", "COMPLETED", 0)]), Progress::Steady),
            (
                json!([one("new", "COMPLETED", 2), one("old", "COMPLETED", 1)]),
                Progress::Going(2, 2, 1),
            ),
            (
                json!([one("new", "IN_PROGRESS", 1), one("old", "COMPLETED", 2)]),
                Progress::Going(1, 2, 2),
            ),
            (
                json!([one("old", "IN_PROGRESS", 2), one("new", "FAILED", 0)]),
                Progress::Failed(failed.to_owned()),
            ),
            (
                json!([one("old", "COMPLETED", 2)]),
                Progress::Failed("another deployment took the place of this one".to_owned()),
            ),
        ] {
            let read: Vec<Deployment> = from_value(deployments.clone()).unwrap();
            assert_eq!(progress("new", &read), expected, "{deployments}");
        }
    }
}
