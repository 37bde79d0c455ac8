//! Deploys the images of one environment in another one, by digest. It builds nothing.

use anyhow::{Context as _, ensure};

use super::choose::platform;
use super::environment::Environment;
use super::service::{Confirmed, deploy};
use super::stack::Target;
use crate::release::history::Outcome;
use crate::release::images::Images;

/// Arguments of the command.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Take the running images of this environment
    #[arg(long, env = "FROM")]
    from: Environment,
    /// Deploy them to this environment
    #[arg(long, env = "TO", default_value = "")]
    to: Environment,
    /// The service
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    confirmed: Confirmed,
}

impl Args {
    pub(super) fn run(&self) -> anyhow::Result<bool> {
        let target = self.target.at(&self.to);
        target.check_service()?;
        let images = images(&target, &self.from)?;
        println!("from {} to {}:\n{images}", self.from, self.to);
        deploy(&target, images, &self.confirmed)
    }
}

/// The images that the service of `to` runs in another environment.
pub(super) fn images(to: &Target, from: &Environment) -> anyhow::Result<Images> {
    ensure!(
        *from != to.environment,
        "the images of {from} already run in {from}: choose another environment"
    );
    let source = to.at(from);
    let (theirs, own) = (platform(&source)?, platform(to)?);
    ensure!(
        theirs == own,
        "the images of {} are for {}, and {} needs {}: set the same cpu_architecture in both environments",
        from,
        theirs.name(),
        to.environment,
        own.name()
    );
    let stack = source.open()?;
    let nothing = || format!("{} is not deployed in {from}", to.service);
    let service = stack.ecs(&to.service)?.with_context(nothing)?;
    let newest = service.history()?.into_iter().next_back().with_context(nothing)?;
    ensure!(
        newest.outcome != Outcome::Running,
        "a deployment in {from} has been running since {}: wait until it ends",
        newest.began
    );
    service.running()?.with_context(nothing)
}
