//! Deploys after a change of the list. A task reads the list only when it starts.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde::Deserialize;

use super::target::Names;
use crate::aws;

/// The time between two calls for the service's state.
const PAUSE: Duration = Duration::from_secs(5);

/// A deployment of the service, in the format of ECS.
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

/// The progress of a deployment.
#[derive(Debug, PartialEq, Eq)]
enum Progress {
    /// Only new tasks run.
    Steady,
    /// The counts of running new tasks, desired new tasks and running old tasks.
    Going(u32, u32, u32),
    /// The deployment failed, for this reason.
    Failed(String),
}

/// Replaces every task, and waits until no old task runs. Returns an error after `patience`.
pub(super) fn deploy(names: &Names, patience: Duration) -> anyhow::Result<()> {
    let Names { cluster, service, .. } = names;
    let query = "service.deployments[?status=='PRIMARY'].id | [0]";
    let update = ["ecs", "update-service", "--cluster", cluster, "--service", service];
    let id: String =
        aws::call(&[&update[..], &["--force-new-deployment", "--query", query]].concat())?;
    eprintln!("{service}: starting new tasks, which read the new list ({id})");
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
                eprintln!("{service}: all tasks have the new list, after {seconds} s");
                return Ok(());
            }
            Progress::Failed(reason) => bail!("{service}: {reason}. {}", unfinished(service)),
            Progress::Going(new, desired, old) if last.as_ref() != Some(&progress) => {
                eprintln!("{seconds:4} s  {new} of {desired} new tasks run, {old} old tasks run");
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
        "The new list is in SSM, but tasks of {service} can still have the old list: start new tasks with `ops key deploy`"
    )
}

fn progress(id: &str, deployments: &[Deployment]) -> Progress {
    let Some(own) = deployments.iter().find(|deployment| deployment.id == id) else {
        return Progress::Failed("another deployment replaced this one".to_owned());
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
    fn deployment_is_steady_without_old_tasks() {
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
                Progress::Failed("another deployment replaced this one".to_owned()),
            ),
        ] {
            let read: Vec<Deployment> = from_value(deployments.clone()).unwrap();
            assert_eq!(progress("new", &read), expected, "{deployments}");
        }
    }
}
