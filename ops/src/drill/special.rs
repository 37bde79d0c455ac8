//! Incidents that show themselves otherwise than in the metrics of some minutes.

use std::time::Instant;

use anyhow::{Context as _, bail};

use super::play::recovery;
use super::row::Row;
use super::scene::Scene;
use super::verdict::Judge;
use super::{event, injection};
use crate::aws::ssm;
use crate::stage::certificate;
use crate::stage::report::Report;

/// In the order in which they are drilled.
pub(super) const NAMES: [&str; 4] =
    ["ssm-away-for-ecs", "wrong-key-in-ssm", "bad-image-digest", "certificate-expired"];

/// Drills the one of this name.
pub(super) async fn drill(
    name: &'static str,
    scene: &mut Scene,
    judge: &Judge,
    report: &mut Report,
) -> anyhow::Result<Vec<Row>> {
    match name {
        "ssm-away-for-ecs" => injection::drill(name, scene, judge, report).await,
        "wrong-key-in-ssm" => wrong_key(name, scene, report).await,
        "bad-image-digest" => bad_digest(name, scene, report).await,
        "certificate-expired" => certificate_expired(name, scene, judge, report).await,
        other => bail!("no incident {other}"),
    }
}

/// A value that breaks the contract's rule; the next deployment meets it.
async fn wrong_key(
    name: &'static str,
    scene: &mut Scene,
    report: &mut Report,
) -> anyhow::Result<Vec<Row>> {
    let api = scene.definition.container("api").context("no container api")?;
    let parameter = api.variable("API_KEY_PARAMETER").context("no parameter")?.to_owned();
    let right = ssm::get(&scene.stage.client, &parameter).await?;
    let key = right.key_id.as_deref();
    ssm::overwrite(&scene.stage.client, &parameter, "short", key).await?;
    let begun = Instant::now();
    let failure =
        scene.stage.service.deploy(&scene.definition).await.err().map(|e| format!("{e:#}"));
    let signal = begun.elapsed().as_secs_f32();
    let said = failure.clone().unwrap_or_default();
    report.check(
        &format!("{name}: the new tasks end, naming the rule and not the value"),
        failure.is_some() && said.contains("8 to 128") && !said.contains("short"),
        &said,
    );
    let mitigated = Instant::now();
    ssm::overwrite(&scene.stage.client, &parameter, &right.value, key).await?;
    let mended = scene.stage.service.deploy(&scene.definition).await;
    scene.recorder.watch(&scene.stage.service.tasks);
    let recovered = mitigated.elapsed().as_secs_f32();
    report.check(
        &format!("{name}: with the right value the deployment succeeds"),
        mended.is_ok(),
        "",
    );
    failed_deployment(
        name,
        scene,
        begun,
        failure.is_some().then_some(signal),
        mended.is_ok().then_some(recovered),
        &said,
        report,
    )
    .await
}

/// A digest that nobody pushed.
async fn bad_digest(
    name: &'static str,
    scene: &mut Scene,
    report: &mut Report,
) -> anyhow::Result<Vec<Row>> {
    let mut bad = scene.definition.clone();
    let api = bad
        .container_definitions
        .iter_mut()
        .find(|c| c.name == "api")
        .context("no container api")?;
    let (repository, _) = api.image.rsplit_once(':').context("an image by digest")?;
    api.image = format!("{repository}:{}", "f".repeat(64));
    let begun = Instant::now();
    let failure = scene.stage.service.deploy(&bad).await.err().map(|e| format!("{e:#}"));
    let ended = Instant::now();
    let said = failure.unwrap_or_default();
    let refused = said.contains("CannotPullContainerError");
    report.check(&format!("{name}: the image cannot be pulled"), refused, &said);
    // Nothing is to be done: the deployment has ended, and the old tasks must have gone on.
    let recovered = recovery(scene, ended).await.map(|after| after.as_secs_f32());
    let signal = refused.then_some((ended - begun).as_secs_f32());
    failed_deployment(name, scene, begun, signal, recovered, &said, report).await
}

/// What both have in common: the old tasks go on, and ECS's events reach a rule each.
async fn failed_deployment(
    name: &'static str,
    scene: &Scene,
    begun: Instant,
    signal: Option<f32>,
    recovered: Option<f32>,
    reason: &str,
    report: &mut Report,
) -> anyhow::Result<Vec<Row>> {
    let deployment = event::heard_by(&scene.stage, &event::deployment_failed(&scene.stage)).await?;
    let task = event::heard_by(&scene.stage, &event::task_stopped(&scene.stage, reason)).await?;
    let ends = |rules: &[String], end: &str| rules.iter().any(|r| r.ends_with(end));
    let heard = ends(&deployment, "deployment-failed") && ends(&task, "task-stopped");
    report.check(
        &format!("{name}: both events match their rules"),
        heard,
        &[deployment, task].concat().join(", "),
    );
    let calls = scene.traffic.since(begun);
    let failed = calls.iter().filter(|c| c.status != 200).count();
    let unnoticed = !calls.is_empty() && failed == 0;
    report.check(
        &format!("{name}: the old tasks go on, callers do not notice"),
        unnoticed,
        &format!("{failed} of {} failed", calls.len()),
    );
    let row = |section| Row {
        name,
        section,
        signal,
        alarm: "event",
        detected: signal,
        recovered,
        over: "–".to_owned(),
        failed: Some((failed, calls.len())),
        good: signal.is_some() && recovered.is_some() && heard && unnoticed,
    };
    Ok(vec![row("deployment-failed"), row("task-stopped")])
}

/// The listener shows a certificate that has ended; long before, the days to its end are a metric.
async fn certificate_expired(
    name: &'static str,
    scene: &mut Scene,
    judge: &Judge,
    report: &mut Report,
) -> anyhow::Result<Vec<Row>> {
    let expired = certificate::make_expired(&scene.stage.folder, "expired").await?;
    let before = certificate::refused(&scene.stage, &scene.stage.certificate.public).await?;
    let begun = Instant::now();
    scene.stage.balancer.show_certificate(&scene.stage.certificate.pem, &expired.pem).await?;
    let refusal = certificate::refused(&scene.stage, &expired.public).await?;
    let signal = begun.elapsed().as_secs_f32();
    let said = refusal.unwrap_or_default();
    let refused = before.is_none() && said.contains("expired");
    report.check(&format!("{name}: callers refuse it"), refused, &said);
    // What ACM would have counted: 20 days to the end, and 198 once it was renewed.
    let verdict = judge.of_daily("certificate-expiring", "DaysToExpiry", 20.0, 198.0)?;
    let warned = verdict.is_some_and(|v| v.ok.is_some());
    report.check(
        &format!("{name}: 20 days before, certificate-expiring goes into ALARM, and back"),
        warned,
        &format!("{verdict:?}"),
    );
    let mitigated = Instant::now();
    let renewed = certificate::make(&scene.stage.folder, "renewed", 30).await?;
    scene.stage.balancer.show_certificate(&scene.stage.certificate.pem, &renewed.pem).await?;
    let well = certificate::refused(&scene.stage, &renewed.public).await?.is_none();
    report.check(&format!("{name}: a new one is taken"), well, "");
    Ok(vec![Row {
        name,
        section: "certificate-expiring",
        signal: refused.then_some(signal),
        alarm: "certificate-expiring",
        // A daily figure is evaluated in the minute of its arrival.
        detected: verdict.and_then(|v| i16::try_from(60 * v.alarm).ok()).map(f32::from),
        recovered: well.then(|| mitigated.elapsed().as_secs_f32()),
        over: "with the next day's figure".to_owned(),
        // The callers' way has no TLS.
        failed: None,
        good: refused && warned && well,
    }])
}
