//! One path to AWS, for a laptop and for the workflows: bootstrap, plan, review, apply, call, roll back, destroy.
//!
//! A laptop runs `bootstrap`, `service` and `destroy`. A workflow runs the same steps one by one, because a person approves
//! between `plan` and `apply`: a hash of everything that the plan changes passes from the one to the other, and `apply` refuses
//! another plan. The saved plan itself never leaves its job.
//!
//! Terraform is the only owner of what it made. A service that is not deployed keeps the images that it runs, so a plan
//! changes one service.

mod account;
mod apply;
mod ask;
mod bootstrap;
mod bucket;
mod choose;
mod contacts;
mod destroy;
mod drift;
mod environment;
mod fingerprint;
mod images;
mod logs;
mod preflight;
mod promote;
mod publish;
mod questions;
mod review;
mod rollback;
mod service;
mod shared;
mod smoke;
mod stack;
mod status;
mod terraform;
mod values;

use std::fmt;
use std::path::Path;

use anyhow::Context as _;
use serde_json::Value;

pub use environment::Environment;
pub use stack::Target;

/// Arguments of the command.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Create the state, the roles and the image repositories of an account, and register an environment
    Bootstrap(bootstrap::Args),
    /// Build, push, plan, review, confirm, apply and call a service
    Service(service::Args),
    /// Destroy an environment
    Destroy(destroy::Args),
    /// Plan and review; the fingerprint of the plan is handed on
    Plan(apply::PlanArgs),
    /// Plan again, and apply only a plan with the fingerprint that was reviewed
    Apply(apply::Args),
    /// Call a deployed service as a caller would
    Smoke(smoke::Args),
    /// Print the last good images, or the given ones
    Find(rollback::Images),
    /// Return to the images of `find`, and change nothing else
    Rollback(rollback::Args),
    /// Print the images that the service runs
    Images(stack::Target),
    /// Plan all services against AWS; exit code 2 when AWS differs from the configuration
    Drift(stack::Target),
    /// Deploy the images that a service runs in another environment
    Promote(promote::Args),
    /// Print the images to deploy: those that were built for the environment's architecture, or those of another environment
    Choose(choose::Args),
    /// Show the service, its deployments, tasks, targets and alarms; exit code 1 when something is wrong
    Status(stack::Target),
    /// Print the log of a service
    Logs(logs::Args),
    /// Say what this repository lacks on GitHub before a deployment
    Preflight(preflight::Args),
}

/// What was typed is wrong. The exit code is 64, `EX_USAGE` of sysexits.h.
#[derive(Debug)]
pub struct Refused(String);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

/// AWS differs from the configuration. The exit code is 2, as that of `terraform plan -detailed-exitcode`.
#[derive(Debug)]
pub struct Drift;

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AWS differs from the configuration")
    }
}

impl std::error::Error for Drift {}

/// The outputs of terraform/bootstrap: an object, each member with its `value`.
///
/// # Errors
///
/// When it was not applied from this folder.
pub fn bootstrap_outputs(folder: &Path) -> anyhow::Result<Value> {
    let missing =
        || format!("{} has no state here: run `make aws-bootstrap` first", folder.display());
    terraform::Terraform::new(folder, "shared")?.outputs().with_context(missing)
}

/// Runs the command; `Ok(false)` means that it found something wrong.
///
/// # Errors
///
/// AWS or Terraform refuses, a value is missing or wrong ([`Refused`]), or AWS differs from the configuration ([`Drift`]).
pub fn run(args: &Args) -> anyhow::Result<bool> {
    match &args.command {
        Command::Bootstrap(args) => args.run(),
        Command::Service(args) => args.run(),
        Command::Destroy(args) => args.run(),
        Command::Plan(args) => args.run(),
        Command::Apply(args) => args.run(),
        Command::Smoke(args) => args.run(),
        Command::Find(args) => args.run(),
        Command::Rollback(args) => args.run(),
        Command::Images(target) => images::run(target),
        Command::Drift(target) => drift::run(target),
        Command::Promote(args) => args.run(),
        Command::Choose(args) => args.run(),
        Command::Status(target) => status::run(target),
        Command::Logs(args) => args.run(),
        Command::Preflight(args) => args.run(),
    }
}
