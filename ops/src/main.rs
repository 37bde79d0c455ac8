//! The `ops` binary: one command for each thing that a person does to the stack.

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Rehearse, drill, review and watch sum-api.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Replay metric series against the alarms of a plan
    Alarms(ops::alarms::Args),
    /// Inject the runbook's incidents and watch them being recognised
    Drill(ops::drill::Args),
    /// Run the examples of the documentation
    Examples(ops::examples::Args),
    /// Check the documents of the services, and find breaking changes
    Openapi(ops::openapi::Args),
    /// Say what a Terraform plan means
    PlanReview(ops::plan_review::Args),
    /// Run the task definition that Terraform registered
    Rehearse(ops::rehearse::Args),
    /// Scan, smoke test and rollback: the steps of a release that decide something
    Release(ops::release::Args),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Alarms(args) => ops::alarms::run(&args),
        Command::Drill(args) => ops::drill::run(&args),
        Command::Examples(args) => ops::examples::run(&args),
        Command::Openapi(args) => ops::openapi::run(&args),
        Command::PlanReview(args) => ops::plan_review::run(&args),
        Command::Rehearse(args) => ops::rehearse::run(&args),
        Command::Release(args) => ops::release::run(&args),
    };
    match result {
        Ok(good) => ExitCode::from(u8::from(!good)),
        Err(error) => {
            eprintln!("ops: {error:#}");
            ExitCode::FAILURE
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
