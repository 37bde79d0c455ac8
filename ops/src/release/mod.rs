//! The steps of a release: build, push, verify, scan and smoke test. `ops deploy` plans and applies with the images.
//!
//! A rollback returns to the last good images without a build. The images come from ECS's record of the service or from
//! the arguments. `ops deploy rollback` plans with them, and `effect` checks the plan. Terraform applies it, so only
//! Terraform writes the task definition.

pub(crate) mod build;
pub(crate) mod ecs;
pub(crate) mod effect;
pub(crate) mod github;
pub(crate) mod history;
pub(crate) mod images;
pub(crate) mod process;
pub(crate) mod registry;
mod sbom;
mod scan;
pub(crate) mod smoke;

use std::path::PathBuf;

use anyhow::{Context as _, bail};

pub(crate) use build::Platform;

use crate::plan::Plan;
use effect::Effect;
use history::Outcome;
use images::{Desired, Images};

/// Arguments of the command.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Build both images of a service
    Build(build::Local),
    /// Write the bill of materials of each image into target/sbom/
    Sbom(sbom::Args),
    /// Log Docker in to the registry, before `push` and `verify`
    Login {
        /// An image or a repository of that registry
        image: String,
    },
    /// Push both images, and print their digests
    Push(registry::Push),
    /// Refuse an image that our build workflow on `main` did not build
    Verify(registry::Verify),
    /// Judge the registry's scan of images
    Scan(scan::Args),
    /// Call a deployed service as a caller would
    Smoke(smoke::Args),
    /// Print the images that a rollback returns to: the given ones, otherwise the last good ones
    Find {
        #[command(flatten)]
        service: ecs::Service,
        /// Digest (`sha256:…`) or image of the API; the running one when only --nginx is given
        #[arg(long)]
        api: Option<Desired>,
        /// Digest (`sha256:…`) or image of the sidecar; the running one when only --api is given
        #[arg(long)]
        nginx: Option<Desired>,
    },
    /// Print the changes of a rollback's plan, and refuse a plan that changes more than images
    Check {
        /// The plan, as `terraform show -json PLAN` writes it
        plan: PathBuf,
    },
}

/// Runs the command; `Ok(false)` means that a check failed.
///
/// # Errors
///
/// AWS does not respond, or there is nothing to return to.
pub fn run(args: &Args) -> anyhow::Result<bool> {
    match &args.command {
        Command::Build(local) => local.build().map(|()| true),
        Command::Sbom(args) => args.run().map(|()| true),
        Command::Login { image } => registry::login(image).map(|()| true),
        Command::Push(args) => args.run().map(|()| true),
        Command::Verify(args) => args.run().map(|()| true),
        Command::Scan(args) => scan::run(args),
        Command::Smoke(args) => smoke::run(args),
        Command::Find { service, api, nginx } => {
            println!("{}", way_back(service, api.clone(), nginx.clone())?);
            Ok(true)
        }
        Command::Check { plan } => {
            let effect = Effect::from_plan(&Plan::read(plan)?);
            print!("{}", effect.markdown());
            Ok(effect.allowed())
        }
    }
}

/// The images that a rollback returns to: the given ones, or the last good ones when none is given. With one given
/// image, the other container keeps its running image.
pub(crate) fn way_back(
    service: &ecs::Service,
    api: Option<Desired>,
    nginx: Option<Desired>,
) -> anyhow::Result<Images> {
    let running = service.running()?;
    let running = running.context("there is no service: nothing to go back to")?;
    if api.is_none() && nginx.is_none() { last_good(service) } else { Ok(running.with(api, nginx)) }
}

fn last_good(service: &ecs::Service) -> anyhow::Result<Images> {
    let history = service.history()?;
    let newest = history.last().context("ECS has no record of a deployment of this service")?;
    if newest.outcome == Outcome::Running {
        bail!(
            "a deployment is under way (since {}): wait for its end, stop it (docs/runbook.md, Roll back), or give the digests",
            newest.began
        );
    }
    let good = history::last_good(&history).context(
        "nothing to go back to: ECS has no record of an earlier good deployment with other images (its record reaches 90 days back). Give the digests, as ECR lists them",
    )?;
    eprintln!(
        "leaving {} and {} (deployed {}), returning to {} and {} (deployed {})",
        newest.images.api.short(),
        newest.images.nginx.short(),
        newest.began,
        good.images.api.short(),
        good.images.nginx.short(),
        good.began
    );
    Ok(good.images.clone())
}
