//! The drill from beginning to end.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde_json::Map;
use tokio::process::Command;
use tokio::time::sleep;

use super::Args;
use super::incident::{ALL, Incident};
use super::recorder::Recorder;
use super::row::{Row, renewed, table};
use super::scene::Scene;
use super::special;
use super::traffic::Traffic;
use super::verdict::{Judge, has_section};
use crate::stage::key::{Key, joined};
use crate::stage::report::Report;
use crate::stage::{Stage, Variables};
use crate::task::sandbox::Walls;

/// Callers: enough for the alarms' floors, each below its limit.
const CALLERS: usize = 16;

/// Requests a second of each caller.
const RATE: u32 = 4;

/// Health before an incident, and how many good seconds in a row are a recovery.
const HEALTH: u64 = 4;
const RECOVERY: u64 = 3;

/// How long a recovery may take.
const PATIENCE: Duration = Duration::from_secs(45);

/// Puts the stage up and drills every incident.
pub(super) async fn play(
    args: &Args,
    walls: Walls,
    folder: &Path,
    report: &mut Report,
) -> anyhow::Result<()> {
    report.part("the stack");
    let keys = (0..CALLERS)
        .map(|n| Key::random(&format!("caller-{n}")))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let flooder = Key::random("flooder")?;
    let mut variables =
        Variables { plain: Map::new(), api_key: joined(keys.iter().chain([&flooder])) };
    let mut stage = Stage::up(&args.stage, walls, folder, &mut variables, report).await?;
    let definition = stage.definition().await?;
    stage.service.deploy(&definition).await?;
    report.attempt("terraform apply ends well", stage.applied().await);
    let judge = Judge::new(&stage).await?;
    report.note(&format!(
        "{} alarms as they were applied; a second of the drill counts as a minute of CloudWatch",
        judge.alarms()
    ));
    // ECS would wait for it; no drill is about draining.
    stage.service.deregistration_delay = Duration::from_secs(2);
    let recorder = Recorder::start(stage.balancer.clone());
    recorder.watch(&stage.service.tasks);
    let traffic = Traffic::start(stage.tunnel(), keys, RATE);
    let mut scene = Scene { stage, definition, traffic, recorder, flooder };
    sleep(Duration::from_secs(HEALTH)).await;

    let wanted = |name: &str| args.only.is_empty() || args.only.iter().any(|o| o == name);
    let mut rows = Vec::new();
    for incident in ALL.iter().filter(|i| wanted(i.name)) {
        report.part(&format!("{}: {}", incident.name, incident.what));
        if let Some(reason) = impossible(&scene, incident).await {
            report.skip(&format!("drill {}", incident.name), &reason);
            continue;
        }
        rows.push(drill(&mut scene, &judge, incident, report).await?);
    }
    for name in special::NAMES.into_iter().filter(|n| wanted(n)) {
        report.part(name);
        rows.push(special::drill(name, &mut scene, &judge, report).await?);
    }
    for row in &rows {
        report.check(
            &format!("the runbook has a section {}", row.section),
            has_section(&args.runbook, row.section),
            row.name,
        );
    }
    scene.stage.service.stop().await;
    println!("\n{}", table(&rows));
    report.note(&format!("{:.0} s in all", report.seconds()));
    if args.only.is_empty() && rows.iter().all(|r| r.good) {
        keep(&args.record, &rows).await?;
    }
    Ok(())
}

/// Why this system cannot have this incident.
async fn impossible(scene: &Scene, incident: &Incident) -> Option<String> {
    let first = &scene.stage.service.tasks.first()?.task;
    match incident.name {
        "memory-limit" if first.cgroup.is_none() => {
            Some("no control group with a memory limit can be made here".to_owned())
        }
        "disk-full" if scene.stage.runner.walls == Walls::None => {
            Some("without mounts there is no tmpfs to fill".to_owned())
        }
        "stale-upstream" => {
            let Some(namespace) = &first.network.namespace else {
                return Some("needs network namespaces".to_owned());
            };
            let works = Command::new("ip")
                .args(["netns", "exec", namespace, "iptables", "-S", "INPUT"])
                .output()
                .await;
            let works = works.is_ok_and(|output| output.status.success());
            (!works).then(|| "this kernel filters no packets (iptables)".to_owned())
        }
        _ => None,
    }
}

async fn drill(
    scene: &mut Scene,
    judge: &Judge,
    incident: &Incident,
    report: &mut Report,
) -> anyhow::Result<Row> {
    let health_from = Instant::now();
    sleep(Duration::from_secs(HEALTH)).await;
    let begun = Instant::now();
    let health = scene.recorder.between(health_from, begun);
    let injected = scene
        .inject(incident.name)
        .await
        .with_context(|| format!("cannot do {}", incident.name))?;
    sleep(Duration::from_secs(incident.hold)).await;
    let mitigated = Instant::now();
    scene.mitigate(incident.name, injected).await.context("the mitigation")?;
    let recovered = recovery(scene, mitigated).await;
    let ended = Instant::now();
    let seconds = scene.recorder.between(begun, ended);
    let signal = seconds.iter().position(incident.signal);
    let calls = scene.traffic.since(begun);
    let failed = calls.iter().filter(|c| c.status != 200).count();
    let good_from = recovered.map_or(ended, |after| mitigated + after);
    let recovered_at = scene.recorder.between(begun, good_from).len();
    let verdict = match incident.alarm {
        Some(alarm) => {
            judge.of(alarm, &health, &seconds, recovered_at, scene.stage.service.desired)?
        }
        None => None,
    };

    let name = incident.name;
    report.check(&format!("{name}: the sign appears"), signal.is_some(), incident.shows);
    if let Some(alarm) = incident.alarm {
        report.check(
            &format!("{name}: {alarm} goes into ALARM, and back"),
            verdict.is_some_and(|v| v.ok.is_some()),
            &format!("{verdict:?}"),
        );
    }
    if incident.unnoticed {
        report.check(
            &format!("{name}: callers with keys do not notice"),
            failed == 0,
            &format!("{failed} of {} failed", calls.len()),
        );
    }
    report.check(&format!("{name}: recovered"), recovered.is_some(), incident.mitigation);
    let good = signal.is_some()
        && recovered.is_some()
        && verdict.is_some() == incident.alarm.is_some()
        && (failed == 0 || !incident.unnoticed);
    Ok(Row {
        name,
        section: incident.section,
        signal: signal.and_then(|s| u16::try_from(s).ok()).map(|s| f32::from(s) + 1.0),
        alarm: verdict.map_or_else(
            || "none".to_owned(),
            |v| format!("{}, {} min", incident.alarm.unwrap_or_default(), v.alarm),
        ),
        recovered: recovered.map(|r| r.as_secs_f32()),
        over: verdict.and_then(|v| v.ok).map_or_else(|| "–".to_owned(), |m| format!("{m} min")),
        failed: (failed, calls.len()),
        good,
    })
}

/// From the mitigation to the first of some seconds in which no request failed.
async fn recovery(scene: &Scene, mitigated: Instant) -> Option<Duration> {
    let begun = Instant::now();
    let mut clean_from = mitigated;
    while begun.elapsed() < PATIENCE {
        sleep(Duration::from_millis(500)).await;
        if let Some(last) =
            scene.traffic.since(clean_from).iter().filter(|c| c.status != 200).map(|c| c.sent).max()
        {
            clean_from = last + Duration::from_millis(1);
        }
        let clean = scene.traffic.since(clean_from);
        if clean_from.elapsed() >= Duration::from_secs(RECOVERY) && !clean.is_empty() {
            return Some(clean_from.duration_since(mitigated));
        }
    }
    None
}

/// Writes the table where people look for it.
async fn keep(record: &Path, rows: &[Row]) -> anyhow::Result<()> {
    let date = Command::new("date").args(["-u", "+%Y-%m-%d"]).output().await?;
    let date = String::from_utf8_lossy(&date.stdout).trim().to_owned();
    let document = std::fs::read_to_string(record).with_context(|| record.display().to_string())?;
    let new = renewed(&document, &table(rows), &date)
        .with_context(|| format!("{} has no place for the table", record.display()))?;
    std::fs::write(record, new).with_context(|| record.display().to_string())
}
