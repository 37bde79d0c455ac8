//! The command line. Each command is one task on the repository or on a stack.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::{
    alarms, deploy, drill, examples, github, key, openapi, page, plan_review, rehearse, release,
    service,
};

/// `EX_USAGE` of sysexits.h: invalid input.
const EX_USAGE: u8 = 64;
/// AWS differs from the configuration, as in `terraform plan -detailed-exitcode`.
const DRIFT: u8 = 2;

/// Create, rehearse, drill, review and watch the services.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Replay metric series against the alarms of a plan
    Alarms(alarms::Args),
    /// Bootstrap, deploy, roll back, watch and destroy an environment in AWS
    Deploy(deploy::Args),
    /// Cause the runbook's incidents and check that the alarms detect them
    Drill(drill::Args),
    /// Run the examples of the documentation
    Examples(examples::Args),
    /// Configure the repository on GitHub
    Github(github::Args),
    /// Change the keys of a service's clients, and show who uses them
    Key(key::Args),
    /// Check the documents of the services, and find breaking changes
    Openapi(openapi::Args),
    /// Test the delivery of alarms to people
    Page(page::Args),
    /// Explain a Terraform plan
    PlanReview(plan_review::Args),
    /// Run the task definition that Terraform registered
    Rehearse(rehearse::Args),
    /// The steps of a release: images, scan, smoke test, rollback
    Release(release::Args),
    /// Create a service, and write the files that are generated from the documents
    Service(service::Args),
}

/// Runs the given command.
#[must_use]
pub fn run() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Alarms(args) => alarms::run(&args),
        Command::Deploy(args) => deploy::run(&args),
        Command::Drill(args) => drill::run(&args),
        Command::Examples(args) => examples::run(&args),
        Command::Github(args) => github::run(&args),
        Command::Key(args) => key::run(&args),
        Command::Openapi(args) => openapi::run(&args),
        Command::Page(args) => page::run(&args),
        Command::PlanReview(args) => plan_review::run(&args),
        Command::Rehearse(args) => rehearse::run(&args),
        Command::Release(args) => release::run(&args),
        Command::Service(args) => service::run(&args),
    };
    match result {
        Ok(good) => ExitCode::from(u8::from(!good)),
        Err(error) => {
            eprintln!("ops: {error:#}");
            if error.is::<service::Refused>() || error.is::<deploy::Refused>() {
                ExitCode::from(EX_USAGE)
            } else if error.is::<deploy::Drift>() {
                ExitCode::from(DRIFT)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        <Cli as clap::CommandFactory>::command().debug_assert();
    }
}
