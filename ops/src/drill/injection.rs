//! SSM is away for ECS itself, which injects the sidecar's key into every new task.
//!
//! The incident `ssm-away-at-start` cuts the API's own read: its task runs, waits and says so. Here the
//! task ends before a container starts. Nothing is logged; only the task's stopped reason tells. Running
//! tasks go on, and a task that ends is not replaced.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::time::sleep;

use super::event;
use super::play::real;
use super::row::Row;
use super::scene::Scene;
use super::verdict::Judge;
use crate::aws::Client;
use crate::stage::emulator::free_port;
use crate::stage::report::Report;

/// Healthy seconds that are recorded before.
const HEALTH: Duration = Duration::from_secs(4);

/// From one attempt of ECS to start the missing task to its next.
const PAUSE: Duration = Duration::from_secs(3);

/// Attempts that fail; with the pauses, longer than the alarm's ten minutes of metrics.
const ATTEMPTS: u32 = 5;

/// Drills it.
pub(super) async fn drill(
    name: &'static str,
    scene: &mut Scene,
    judge: &Judge,
    report: &mut Report,
) -> anyhow::Result<Vec<Row>> {
    let health_from = Instant::now();
    sleep(HEALTH).await;
    let health = scene.recorder.between(health_from, Instant::now());
    let nobody = Client::new(&format!("127.0.0.1:{}", free_port()?), scene.stage.client.region());
    let ssm = reach(scene, nobody);
    let begun = Instant::now();
    scene.stage.service.retire().await?;
    let mut reasons = Vec::new();
    let mut signal = None;
    for _ in 0..ATTEMPTS {
        let number = scene.stage.runner.next.load(Ordering::Relaxed);
        let failure = scene.stage.service.refill(&scene.definition).await.err();
        let reason = failure.map(|e| format!("{e:#}")).unwrap_or_default();
        signal = signal.or_else(|| (!reason.is_empty()).then(|| begun.elapsed().as_secs_f32()));
        reasons.push((reason, logs(scene, number)?));
        sleep(PAUSE).await;
    }
    let good = |(reason, logs): &(String, usize)| {
        reason.contains("ResourceInitializationError") && *logs == 0
    };
    let said = reasons.last().map(|(reason, _)| reason.clone()).unwrap_or_default();
    let refused = reasons.iter().all(good);
    report.check(
        &format!("{name}: every new task ends with ResourceInitializationError and logs nothing"),
        refused,
        &format!("{} attempts; {said}", reasons.len()),
    );
    let heard = event::heard_by(&scene.stage, &event::task_stopped(&scene.stage, &said)).await?;
    let told = heard.iter().any(|rule| rule.ends_with("task-stopped"));
    report.check(&format!("{name}: the event matches its rule"), told, &heard.join(", "));

    let mitigated = Instant::now();
    reach(scene, ssm);
    let mended = scene.stage.service.refill(&scene.definition).await;
    let recovered = mended.is_ok().then(|| mitigated.elapsed().as_secs_f32());
    scene.recorder.watch(&scene.stage.service.tasks);
    let ended = Instant::now();
    report.attempt(
        &format!("{name}: when SSM is back, the missing task starts"),
        mended.map(|()| String::new()),
    );
    let calls = scene.traffic.since(begun);
    let failed = calls.iter().filter(|c| c.status != 200).count();
    let unnoticed = failed == 0 && !calls.is_empty();
    report.check(
        &format!("{name}: the other task serves, callers do not notice"),
        unnoticed,
        &format!("{failed} of {} failed", calls.len()),
    );
    let seconds = scene.recorder.between(begun, ended);
    let desired = scene.stage.service.desired;
    let verdict = judge.of("tasks-below-desired", &health, &seconds, seconds.len(), desired)?;
    let back = verdict.and_then(|v| v.ok);
    report.check(
        &format!("{name}: tasks-below-desired goes into ALARM, and back"),
        back.is_some(),
        &format!("{verdict:?}"),
    );
    let row = Row {
        name,
        section: "task-stopped",
        signal,
        alarm: "event",
        detected: signal,
        recovered,
        over: "–".to_owned(),
        failed: Some((failed, calls.len())),
        good: refused && told && recovered.is_some() && unnoticed,
    };
    let sign = seconds.iter().position(|s| s.running < desired).and_then(|s| i64::try_from(s).ok());
    let waited = verdict
        .zip(sign)
        .map(|(v, sign)| real(sign + 1) + 60.0 * real((v.alarm - sign - 1).max(0)));
    let below = Row {
        section: "tasks-below-desired",
        signal: sign.map(|s| real(s + 1)),
        alarm: "tasks-below-desired",
        detected: waited,
        over: back.map_or_else(|| "–".to_owned(), |minutes| format!("{minutes} min")),
        good: row.good && back.is_some(),
        ..row.clone()
    };
    Ok(vec![row, below])
}

/// Lets ECS reach another Parameter Store; the one before.
fn reach(scene: &Scene, ssm: Client) -> Client {
    let mut now = scene.stage.runner.ssm.lock().unwrap_or_else(PoisonError::into_inner);
    std::mem::replace(&mut now, ssm)
}

/// How many containers of this task have a log.
fn logs(scene: &Scene, number: u8) -> anyhow::Result<usize> {
    let prefix = format!("task-{number}-");
    let folder = std::fs::read_dir(&scene.stage.folder).context("the folder of the logs")?;
    let names = folder.flatten().map(|entry| entry.file_name());
    Ok(names.filter(|name| name.to_string_lossy().starts_with(&prefix)).count())
}
