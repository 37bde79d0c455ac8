//! Deploys a new image and rotates the keys with `ops key`, under load.
//!
//! There are three deployments:
//!
//! 1. Terraform deploys a new image.
//! 2. `ops key rotate` gives every caller a second key. The callers still use the old keys.
//! 3. `ops key rotate --finish` removes the old keys. The callers use the new keys until the old tasks have stopped.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::json;
use tokio::time::sleep;

use super::{calls, ends};
use crate::testbed::key::Key;
use crate::testbed::load::Load;
use crate::testbed::report::Report;
use crate::testbed::service::Deployed;
use crate::testbed::{Testbed, Variables};

/// How long the load runs before and after each step.
const MARGIN: Duration = Duration::from_secs(1);

/// Deploys the image and rotates the keys.
pub(super) async fn check(
    testbed: &mut Testbed,
    variables: &mut Variables,
    keys: &[Key],
    report: &mut Report,
) -> anyhow::Result<()> {
    report.part("under load: a new image");
    let before = testbed.definition().await?;
    let api = before.container("api").context("no container api")?;
    let (repository, digest) = api.image.rsplit_once(':').context("an image by digest")?;
    // The same binaries with another digest: the rehearsal tests the deployment, not the binaries.
    let other: String = digest.chars().map(|c| if c == 'a' { 'b' } else { 'a' }).collect();
    ensure!(other != digest, "the new digest is the same as the old one");
    let image = format!("{repository}:{other}");
    testbed.runner.push(&image);
    variables.images.insert("api".to_owned(), json!(image));
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
    report.attempt("no caller failed", load.stop().await);

    let clients: Vec<String> = keys.iter().map(|key| key.client.clone()).collect();
    report.part("under load: `ops key rotate` adds a second key for every caller");
    let load = Load::start(testbed.tunnel(), keys, &testbed.call, testbed.call.calm_rate())?;
    sleep(MARGIN).await;
    let (new, deployed) = testbed.change_keys(&["rotate"], &clients).await?;
    ensure!(new.len() == keys.len(), "{} new keys", new.len());
    note(&deployed, testbed, report);
    sleep(MARGIN).await;
    report.attempt("no caller with an old key failed", load.stop().await);
    let status = calls::example(testbed, &[calls::with_key(&new[0])]).await?.status;
    let is_valid = status == testbed.call.status;
    report.check("the new key is valid too", is_valid, &status.to_string());

    report.part("under load: `ops key rotate --finish` removes the old keys");
    let load = Load::start(testbed.tunnel(), &new, &testbed.call, testbed.call.calm_rate())?;
    sleep(MARGIN).await;
    let (printed, deployed) = testbed.change_keys(&["rotate", "--finish"], &clients).await?;
    report.check("no key is printed", printed.is_empty(), &printed.len().to_string());
    note(&deployed, testbed, report);
    let stopped = testbed.service.left_so_far().await;
    sleep(MARGIN).await;
    report.attempt("no caller with a new key failed", load.stop().await);
    // These are the tasks of the first deployment and of the new image.
    ends::describe(&stopped, 2 * testbed.service.desired, report);
    let status = calls::example(testbed, &[calls::with_key(&keys[0])]).await?.status;
    report.check("an old key is refused now", status == 401, &status.to_string());
    Ok(())
}

/// Runs `terraform apply`, then deploys the new task definition as ECS does.
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
    note(&deployed, testbed, report);
    report.attempt("terraform apply succeeds", testbed.applied().await);
    Ok(())
}

fn note(deployed: &Deployed, testbed: &Testbed, report: &Report) {
    report.note(&format!(
        "new tasks healthy after {:.1} s, in service after {:.1} s; the old ones are deregistered and stop in {} s",
        deployed.running.as_secs_f32(),
        deployed.healthy.as_secs_f32(),
        testbed.service.deregistration_delay.as_secs()
    ));
}
