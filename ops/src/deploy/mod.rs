//! Deployments to AWS, from a laptop and from the workflows: bootstrap, plan, review, apply, call, roll back, destroy.
//!
//! A laptop runs `bootstrap`, `service` and `destroy`. A workflow runs the same steps one by one, because a person
//! approves the plan before `apply`. The workflow passes a hash of all changes from `plan` to `apply`, and `apply`
//! refuses a plan with another hash. The saved plan never leaves its job.
//!
//! Only Terraform changes the resources that it created. A plan changes one service: every other service keeps its
//! images.

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
    /// Plan and review, and output the fingerprint of the plan
    Plan(apply::PlanArgs),
    /// Plan again, and apply the plan if it has the reviewed fingerprint
    Apply(apply::Args),
    /// Call a deployed service through its public address
    Smoke(smoke::Args),
    /// Print the last good images, or the given ones
    Find(rollback::Images),
    /// Deploy the images that `find` prints, and change nothing else
    Rollback(rollback::Args),
    /// Print the images that the service runs
    Images(stack::Target),
    /// Plan all services against AWS; exit code 2 when AWS differs from the configuration
    Drift(stack::Target),
    /// Deploy the images that a service runs in another environment
    Promote(promote::Args),
    /// Print the images to deploy: from the build for the environment's architecture, or from another environment
    Choose(choose::Args),
    /// Show the service, its deployments, tasks, targets and alarms; exit code 1 when something is wrong
    Status(stack::Target),
    /// Print the log of a service
    Logs(logs::Args),
    /// Print what is missing on GitHub for a deployment
    Preflight(preflight::Args),
}

/// Invalid input. The exit code is 64, `EX_USAGE` of sysexits.h.
#[derive(Debug)]
pub struct Refused(String);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

/// AWS differs from the configuration. The exit code is 2, as from `terraform plan -detailed-exitcode`.
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
/// When terraform/bootstrap was not applied from this folder.
pub fn bootstrap_outputs(folder: &Path) -> anyhow::Result<Value> {
    let missing =
        || format!("{} has no Terraform state: run `make aws-bootstrap` first", folder.display());
    terraform::Terraform::new(folder, "shared")?.outputs().with_context(missing)
}

/// Runs the command; `Ok(false)` means that it found a problem.
///
/// # Errors
///
/// AWS or Terraform returns an error, a value is missing or invalid ([`Refused`]), or AWS differs from the
/// configuration ([`Drift`]).
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
