//! The command line: `cargo xtask COMMAND`.

use std::process::ExitCode;

use crate::{
    containers, deployments, emulator, gates, lint, packages, plan, reproducible, runbook, service,
    terraform, test, tools,
};
use clap::{Parser, Subcommand};

/// The development commands of this repository.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run every test and proof
    Test(test::Args),
    /// Run the tests of packages, compiled with the whole workspace
    Suites(test::suites::Args),
    /// Run every static check
    Lint(lint::Args),
    /// Build both images of a service and test them
    Containers(containers::Args),
    /// Deploy, roll back and replace a key in an emulated AWS
    Deployments(deployments::Args),
    /// Prove terraform/ without an AWS account, or write plan.txt
    Terraform(terraform::Args),
    #[command(flatten)]
    Plan(plan::Command),
    /// Run a command with an emulated AWS
    Emulator(emulator::Args),
    /// Install the pinned tools into .tools/
    Tools(tools::Args),
    /// Install the Debian packages of missing programs
    Packages(packages::Args),
    /// Compare the costs of a request and the size of the binary with benches/gates.json
    Gates(gates::Args),
    /// Build the binary of a service twice, in two places, and compare
    Reproducible(reproducible::Args),
    /// Print the table of the runbook: its commands and branches, and which are tested
    Runbook,
    /// Create a service and another operation in scratch copies of this tree, and test them
    Service,
}

/// Runs the command of the command line.
#[must_use]
pub fn run() -> ExitCode {
    let root = crate::root();
    let result = match Cli::parse().command {
        Command::Test(args) => test::run(&root, &args),
        Command::Suites(args) => test::suites::run(&root, &args),
        Command::Lint(args) => lint::run(&root, &args),
        Command::Containers(args) => containers::run(&root, &args),
        Command::Deployments(args) => deployments::run(&root, &args),
        Command::Terraform(args) => terraform::run(&root, &args),
        Command::Plan(command) => plan::run(&root, &command),
        Command::Emulator(args) => emulator::run(&root, &args),
        Command::Tools(args) => tools::run(&root, &args),
        Command::Packages(args) => packages::run(&root, &args),
        Command::Gates(args) => gates::run(&root, &args),
        Command::Reproducible(args) => reproducible::run(&root, &args),
        Command::Runbook => runbook::run(&root),
        Command::Service => service::run(&root),
    };
    match result {
        Ok(good) => ExitCode::from(u8::from(!good)),
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
#[test]
fn command_line_is_valid() {
    <Cli as clap::CommandFactory>::command().debug_assert();
}
