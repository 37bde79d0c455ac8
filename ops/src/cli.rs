//! The command line: one command for each thing that a person does to the repository or to a stack.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::{
    alarms, deploy, drill, examples, github, key, openapi, page, plan_review, rehearse, release,
    service,
};

/// `EX_USAGE` of sysexits.h: what was typed is wrong.
const EX_USAGE: u8 = 64;
/// As `terraform plan -detailed-exitcode`: there is a difference.
const DRIFT: u8 = 2;

/// Make, rehearse, drill, review and watch the services.
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
    /// Inject the runbook's incidents and watch them being recognised
    Drill(drill::Args),
    /// Run the examples of the documentation
    Examples(examples::Args),
    /// Configure the repository on GitHub
    Github(github::Args),
    /// Change the keys of a service's clients, and show who uses them
    Key(key::Args),
    /// Check the documents of the services, and find breaking changes
    Openapi(openapi::Args),
    /// Try the way from an alarm to a person
    Page(page::Args),
    /// Say what a Terraform plan means
    PlanReview(plan_review::Args),
    /// Run the task definition that Terraform registered
    Rehearse(rehearse::Args),
    /// The steps of a release: images, scan, smoke test, rollback
    Release(release::Args),
    /// Make a service, and write the files that are generated from the documents
    Service(service::Args),
}

/// Runs the command that was typed.
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
