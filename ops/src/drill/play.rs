//! The drill from beginning to end.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::process::Command;
use tokio::time::sleep;

use super::Args;
use super::incident::{ALL, Incident};
use super::recorder::Recorder;
use super::row::{Row, noted, renewed, table};
use super::scene::Scene;
use super::special;
use super::traffic::Traffic;
use super::verdict::{Judge, has_section};
use crate::stage::Stage;
use crate::stage::key::{Key, joined};
use crate::stage::report::Report;

/// Callers: enough for the alarms' floors, each below its limit.
const CALLERS: usize = 16;

/// Health before an incident, and how many good seconds in a row are a recovery.
const HEALTH: u64 = 4;
const RECOVERY: u64 = 3;

/// How long a recovery may take.
const PATIENCE: Duration = Duration::from_secs(45);

/// Puts the stage up and drills every incident.
pub(super) async fn play(args: &Args, folder: &Path, report: &mut Report) -> anyhow::Result<()> {
    report.part("the stack");
    let keys = (0..CALLERS)
        .map(|n| Key::random(&format!("caller-{n}")))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let flooder = Key::random("flooder")?;
    let api_key = joined(keys.iter().chain([&flooder]));
    let (mut stage, _) = Stage::up(&args.stage, folder, api_key, report).await?;
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
    let traffic = Traffic::start(stage.tunnel(), keys, &stage.call, stage.call.calm_rate());
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
        rows.extend(drill(&mut scene, &judge, incident, report).await?);
    }
    for name in special::NAMES.into_iter().filter(|n| wanted(n)) {
        report.part(name);
        rows.extend(special::drill(name, &mut scene, &judge, report).await?);
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
    if args.keep {
        let drilled: BTreeSet<&str> = rows.iter().map(|r| r.name).collect();
        let all = drilled.len() == ALL.len() + special::NAMES.len() && rows.iter().all(|r| r.good);
        report.check("a drill of all incidents, each as expected, is written down", all, "");
        if all {
            keep(args, &rows).await?;
        }
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
        "stale-upstream" => {
            let namespace = &first.network.namespace;
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
) -> anyhow::Result<Vec<Row>> {
    let health_from = Instant::now();
    sleep(Duration::from_secs(HEALTH)).await;
    let health = scene.recorder.between(health_from, Instant::now());
    let injected = scene
        .inject(incident.name)
        .await
        .with_context(|| format!("cannot do {}", incident.name))?;
    // A bad release is an incident once it is in service.
    let begun = Instant::now();
    sleep(Duration::from_secs(incident.hold)).await;
    let mitigated = Instant::now();
    scene.mitigate(incident.name, injected).await.context("the mitigation")?;
    let recovered = recovery(scene, mitigated).await;
    let ended = Instant::now();
    let seconds = scene.recorder.between(begun, ended);
    let signal = seconds.iter().position(incident.signal);
    let calls = scene.traffic.since(begun);
    let failed = calls.iter().filter(|c| c.status != 200).count();
    // Nobody who called can have noticed nothing.
    let unnoticed = !calls.is_empty() && failed == 0;
    let good_from = recovered.map_or(ended, |after| mitigated + after);
    let recovered_at = scene.recorder.between(begun, good_from).len();
    let sign = signal.and_then(|s| i64::try_from(s).ok()).map(|s| s + 1);
    let name = incident.name;
    report.check(&format!("{name}: the sign appears"), sign.is_some(), incident.shows);
    if incident.unnoticed {
        let found = format!("{failed} of {} failed", calls.len());
        report.check(&format!("{name}: callers with keys do not notice"), unnoticed, &found);
    }
    report.check(&format!("{name}: recovered"), recovered.is_some(), incident.mitigation);
    let good = sign.is_some() && recovered.is_some() && (unnoticed || !incident.unnoticed);
    let mut row = Row {
        name,
        section: incident.section,
        signal: sign.map(real),
        alarm: "none",
        detected: sign.map(real),
        recovered: recovered.map(|r| r.as_secs_f32()),
        over: "–".to_owned(),
        failed: Some((failed, calls.len())),
        good,
    };
    let mut rows = Vec::new();
    let own = incident.alarm.map(|alarm| (incident.section, alarm));
    for (section, alarm) in own.into_iter().chain(incident.also.iter().copied()) {
        let desired = scene.stage.service.desired;
        let verdict = judge.of(alarm, &health, &seconds, recovered_at, desired)?;
        let back = verdict.and_then(|v| v.ok);
        let found = match verdict {
            Some(v) => {
                format!("after {} min of metrics, over {:?} min after the recovery", v.alarm, v.ok)
            }
            None => "it did not".to_owned(),
        };
        report.check(&format!("{name}: {alarm} goes into ALARM, and back"), back.is_some(), &found);
        let waited =
            verdict.zip(sign).map(|(v, sign)| real(sign) + 60.0 * real((v.alarm - sign).max(0)));
        row.section = section;
        row.alarm = alarm;
        row.detected = waited;
        row.over = back.map_or_else(|| "–".to_owned(), |minutes| format!("{minutes} min"));
        row.good = good && back.is_some();
        rows.push(row.clone());
    }
    if rows.is_empty() {
        rows.push(row);
    }
    Ok(rows)
}

/// Seconds of a drill are few.
pub(super) fn real(seconds: i64) -> f32 {
    i16::try_from(seconds).map_or(f32::MAX, f32::from)
}

/// From the mitigation to the first of some seconds in which no request failed.
pub(super) async fn recovery(scene: &Scene, mitigated: Instant) -> Option<Duration> {
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

/// Writes the table where people look for it, and a line into each section of the runbook.
async fn keep(args: &Args, rows: &[Row]) -> anyhow::Result<()> {
    let date = Command::new("date").args(["-u", "+%Y-%m-%d"]).output().await?;
    let date = String::from_utf8_lossy(&date.stdout).trim().to_owned();
    let read =
        |file: &Path| std::fs::read_to_string(file).with_context(|| file.display().to_string());
    let record = renewed(&read(&args.record)?, &table(rows), &date);
    std::fs::write(&args.record, record.context("the record has no place for the table")?)?;
    let mut runbook = read(&args.runbook)?;
    for section in rows.iter().map(|r| r.section) {
        runbook = noted(&runbook, section, rows, &date)
            .with_context(|| format!("section {section} has no line of its drill"))?;
    }
    std::fs::write(&args.runbook, runbook).context("the runbook")
}
