//! A new image and a rotation of the keys, under load.
//!
//! Two deployments: the first brings a new image and, beside every caller's old key, the new one; the
//! second takes the old keys away. Callers with the old keys go on through the first, callers with
//! the new keys through the second, until the tasks of before have been stopped.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::json;
use tokio::time::sleep;

use super::{CALLERS, calls, ends};
use crate::testbed::key::{Key, joined};
use crate::testbed::load::Load;
use crate::testbed::report::Report;
use crate::testbed::{Testbed, Variables};

/// How long the load goes on before and after the thing that is done under it.
const MARGIN: Duration = Duration::from_secs(1);

/// Deploys and rotates.
pub(super) async fn check(
    testbed: &mut Testbed,
    variables: &mut Variables,
    keys: &[Key],
    probe: &Key,
    report: &mut Report,
) -> anyhow::Result<()> {
    let new = Key::for_callers(CALLERS)?;

    report.part("under load: a new image, and a second key for every caller");
    let before = testbed.definition().await?;
    let api = before.container("api").context("no container api")?;
    let (repository, digest) = api.image.rsplit_once(':').context("an image by digest")?;
    // The same binaries under another digest: what is rehearsed is the way from one to the other.
    let other: String = digest.chars().map(|c| if c == 'a' { 'b' } else { 'a' }).collect();
    ensure!(other != digest, "the digest is the one that is to be deployed");
    let image = format!("{repository}:{other}");
    testbed.runner.push(&image);
    variables.images.insert("api".to_owned(), json!(image));
    variables.settings.insert("api_key_version".to_owned(), json!(2));
    variables.api_key = joined(keys.iter().chain(&new).chain([probe]));
    let load = Load::start(testbed.tunnel(), keys, &testbed.call, testbed.call.calm_rate())?;
    sleep(MARGIN).await;
    deploy(testbed, variables, report).await?;
    let images: Vec<&str> = testbed
        .service
        .tasks
        .iter()
        .filter_map(|live| live.task.definition.container("api"))
        .map(|api| api.image.as_str())
        .collect();
    report.check(
        "every task runs the new digest",
        images.len() == testbed.service.desired && images.iter().all(|i| i.ends_with(&other)),
        &images.join(", "),
    );
    sleep(MARGIN).await;
    report.attempt("no caller with an old key failed", load.stop().await);

    report.part("under load: the old keys go");
    variables.settings.insert("api_key_version".to_owned(), json!(3));
    variables.api_key = joined(new.iter().chain([probe]));
    let load = Load::start(testbed.tunnel(), &new, &testbed.call, testbed.call.calm_rate())?;
    deploy(testbed, variables, report).await?;
    let stopped = testbed.service.left_so_far().await;
    sleep(MARGIN).await;
    report.attempt("no caller with a new key failed", load.stop().await);
    ends::describe(&stopped, testbed.service.desired, report);
    let status = calls::example(testbed, &[calls::with_key(&keys[0])]).await?.status;
    report.check("an old key is refused now", status == 401, &status.to_string());
    Ok(())
}

/// `terraform apply`, and what ECS does with the new task definition.
async fn deploy(
    testbed: &mut Testbed,
    variables: &Variables,
    report: &mut Report,
) -> anyhow::Result<()> {
    let begun = Instant::now();
    let definition = testbed.apply(variables).await?;
    report.note(&format!(
        "Terraform gave the service {} after {:.1} s; ECS starts its tasks now",
        definition.short_name(),
        begun.elapsed().as_secs_f32()
    ));
    let deployed = testbed.service.deploy(&definition).await?;
    report.note(&format!(
        "{}: new tasks healthy after {:.1} s, in service after {:.1} s; the old ones deregistered, to be stopped in {} s",
        definition.short_name(),
        deployed.running.as_secs_f32(),
        deployed.healthy.as_secs_f32(),
        testbed.service.deregistration_delay.as_secs()
    ));
    report.attempt("terraform apply ends well", testbed.applied().await);
    Ok(())
}
