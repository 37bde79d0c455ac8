//! A new image and a rotation of the keys, each under load.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde_json::json;
use tokio::time::sleep;

use super::{CALLERS, PAUSE};
use crate::http::{self, Request};
use crate::stage::certificate::HOST;
use crate::stage::key::{Key, joined};
use crate::stage::load::Load;
use crate::stage::report::Report;
use crate::stage::{Stage, Variables};

/// How long the load goes on before and after the thing that is done under it.
const MARGIN: Duration = Duration::from_secs(1);

/// Deploys and rotates.
pub(super) async fn check(
    stage: &mut Stage,
    variables: &mut Variables,
    keys: &[Key],
    probe: &Key,
    report: &mut Report,
) -> anyhow::Result<()> {
    report.part("a new image under load");
    let before = stage.definition().await?;
    let api = before.container("api").context("no container api")?;
    let (repository, digest) = api.image.rsplit_once(':').context("an image by digest")?;
    // The same binaries under another digest: what is rehearsed is the way from one to the other.
    let other: String = digest.chars().rev().map(|c| if c == 'a' { 'b' } else { 'a' }).collect();
    variables.plain.insert("api_image".to_owned(), json!(format!("{repository}:{other}")));
    let load = Load::start(stage.tunnel(), keys, PAUSE);
    sleep(MARGIN).await;
    let now = deploy(stage, variables, report).await?;
    report.check("the service runs the new digest", now.contains(&other), "");
    sleep(MARGIN).await;
    let outcome = load.stop().await;
    report.check("no request failed", outcome.clean(), &outcome.summary());

    report.part("a rotation of every caller's key under load");
    let new = (0..CALLERS)
        .map(|n| Key::random(&format!("caller-{n}")))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let (both, after) =
        (joined(keys.iter().chain(&new).chain([probe])), joined(new.iter().chain([probe])));
    let load = Load::start(stage.tunnel(), keys, PAUSE);
    rotate(stage, variables, 2, both, report).await?;
    sleep(MARGIN).await;
    let outcome = load.stop().await;
    report.check(
        "step 1, both keys valid: no caller with the old key failed",
        outcome.clean(),
        &outcome.summary(),
    );
    let load = Load::start(stage.tunnel(), &new, PAUSE);
    rotate(stage, variables, 3, after, report).await?;
    sleep(MARGIN).await;
    let outcome = load.stop().await;
    report.check(
        "step 2, the old key gone: no caller with the new key failed",
        outcome.clean(),
        &outcome.summary(),
    );
    let status = status_with(stage, &keys[0]).await?;
    report.check("the old key is refused now", status == 401, &status.to_string());
    Ok(())
}

async fn rotate(
    stage: &mut Stage,
    variables: &mut Variables,
    version: u32,
    api_key: String,
    report: &mut Report,
) -> anyhow::Result<()> {
    variables.plain.insert("api_key_version".to_owned(), json!(version));
    variables.api_key = api_key;
    deploy(stage, variables, report).await.map(drop)
}

/// `terraform apply`, then what ECS does with the new task definition; returns the API's image.
async fn deploy(
    stage: &mut Stage,
    variables: &Variables,
    report: &mut Report,
) -> anyhow::Result<String> {
    let begun = Instant::now();
    let definition = stage.apply(variables).await?;
    report.note(&format!(
        "terraform apply: the service was given {} after {:.1} s",
        definition.short_name(),
        begun.elapsed().as_secs_f32()
    ));
    let deployed = stage.service.deploy(&definition).await?;
    report.note(&format!(
        "{}: new tasks healthy after {:.1} s, in service after {:.1} s; the old ones deregistered, to be stopped in {} s",
        definition.short_name(),
        deployed.running.as_secs_f32(),
        deployed.healthy.as_secs_f32(),
        stage.service.deregistration_delay.as_secs()
    ));
    report.attempt("terraform apply ends well", stage.applied().await);
    Ok(definition.container("api").context("no container api")?.image.clone())
}

async fn status_with(stage: &Stage, key: &Key) -> anyhow::Result<u16> {
    let request = Request::new("POST", &stage.tunnel().to_string(), "/sum")
        .header("host", HOST)
        .header("content-type", "application/json")
        .header("x-api-key", &key.value)
        .body(r#"{"a":1,"b":1}"#);
    Ok(http::send(request).await?.status)
}
