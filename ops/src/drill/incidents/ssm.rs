//! SSM does not answer the API, or it does not answer ECS.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::time::sleep;

use crate::aws::Client;
use crate::drill::incident::{
    Alarm, Callers, DO_NOT_NOTICE, Incident, Injected, Observed, Over, RECOVERED, SIGN,
};
use crate::drill::procedure::Drill;
use crate::testbed::emulator::free_port;

/// The API cannot read its keys. It retries, and it is not ready until it has them.
pub(super) const AWAY_AT_START: Incident = Incident {
    name: "ssm-away-at-start",
    what: "a deployment while the API cannot reach SSM",
    inject: |drill| {
        Box::pin(async {
            drill.testbed.balancer.endpoint(false).await?;
            let new = drill.testbed.service.begin(&drill.definition).await?;
            drill.recorder.watch(&new);
            Ok(Injected::now(|drill| {
                Box::pin(async {
                    drill.testbed.balancer.endpoint(true).await?;
                    drill.testbed.service.finish(new).await
                })
            }))
        })
    },
    hold: 26,
    sign: (SIGN, "UnHealthyHostCount: the new targets never become healthy"),
    shows: |s| s.hosts.1 > 0,
    alarms: &[("unhealthy-target", Alarm::Metric("unhealthy-target"))],
    also: &["ssm-does-not-answer"],
    callers: DO_NOT_NOTICE,
    recovery: (RECOVERED, "none: the API retries, and is ready when SSM answers"),
    ..Incident::COMMON
};

/// The time between two attempts of ECS to start the missing task.
const PAUSE: Duration = Duration::from_secs(3);

/// Failed attempts. With their pauses they take longer than the alarm's ten minutes of metrics.
const ATTEMPTS: usize = 5;

/// ECS cannot read the sidecar's key, which it injects into every new task. The task stops before a container starts.
/// Only the stopped reason shows the cause: the task logs nothing. Running tasks serve. ECS cannot replace a task that
/// ends.
pub(super) const AWAY_FOR_ECS: Incident = Incident {
    name: "ssm-away-for-ecs",
    what: "a task ends while ECS cannot reach SSM",
    inject: |drill| {
        Box::pin(async {
            let nowhere = format!("127.0.0.1:{}", free_port()?);
            let ssm = reach(drill, drill.testbed.client.at(&nowhere));
            let begun = Instant::now();
            drill.testbed.service.retire().await?;
            let (mut after, mut good, mut text) = (None, true, String::new());
            for _ in 0..ATTEMPTS {
                let number = drill.testbed.runner.next.load(Ordering::Relaxed);
                let failure = drill.testbed.service.refill(&drill.definition).await.err();
                after = after.or(failure.as_ref().map(|_| begun.elapsed().as_secs_f32()));
                text = failure.map(|error| format!("{error:#}")).unwrap_or_default();
                good &= text.contains("ResourceInitializationError") && logs(drill, number)? == 0;
                sleep(PAUSE).await;
            }
            let injected = Injected::now(|drill| {
                reach(drill, ssm);
                Box::pin(async { drill.testbed.service.refill(&drill.definition).await })
            });
            let observed = after.map(|after| Observed { after, good, text });
            Ok(Injected { begun, observed, ..injected })
        })
    },
    sign: ("every new task stops with ResourceInitializationError and logs nothing", "no error"),
    shows: |s| s.running < s.desired,
    alarms: &[
        ("task-stopped", Alarm::Event("task-stopped")),
        ("tasks-below-desired", Alarm::Metric("tasks-below-desired")),
    ],
    also: &["ssm-does-not-answer"],
    callers: Callers::DoNotNotice("the other task serves, no request fails"),
    recovery: ("when SSM answers, the missing task starts", ""),
    over: Over::Mitigated,
    ..Incident::COMMON
};

/// Points ECS at another Parameter Store. Returns the previous one.
fn reach(drill: &Drill, ssm: Client) -> Client {
    let mut now = drill.testbed.runner.ssm.lock().unwrap_or_else(PoisonError::into_inner);
    std::mem::replace(&mut now, ssm)
}

/// The number of containers of this task that have a log.
fn logs(drill: &Drill, number: u8) -> anyhow::Result<usize> {
    let prefix = format!("task-{number}-");
    let folder =
        std::fs::read_dir(&drill.testbed.folder).context("cannot read the folder of the logs")?;
    let names = folder.flatten().map(|entry| entry.file_name());
    Ok(names.filter(|name| name.to_string_lossy().starts_with(&prefix)).count())
}
