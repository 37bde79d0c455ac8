//! The `xtask` binary: `cargo xtask COMMAND`.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use xtask::{emulator, gates, lint, packages, plan, preflight, terraform, test, tools};

/// The chores of this repository.
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
    /// Run every static check
    Lint(lint::Args),
    /// Prove terraform/ without an AWS account, or write plan.txt
    Terraform(terraform::Args),
    #[command(flatten)]
    Plan(plan::Command),
    /// Run a command beside an emulated AWS
    Emulator(emulator::Args),
    /// Install the pinned tools into .tools/
    Tools(tools::Args),
    /// Install the Debian packages of missing programs
    Packages(packages::Args),
    /// Hold the costs of a request and the size of the binary to benches/gates.json
    Gates(gates::Args),
    /// Say what this repository lacks on GitHub before a deployment
    Preflight(preflight::Args),
}

fn main() -> ExitCode {
    let root = xtask::root();
    let result = match Cli::parse().command {
        Command::Test(args) => test::run(&root, &args),
        Command::Lint(args) => lint::run(&root, &args),
        Command::Terraform(args) => terraform::run(&root, &args),
        Command::Plan(command) => plan::run(&root, &command),
        Command::Emulator(args) => emulator::run(&root, &args),
        Command::Tools(args) => tools::run(&root, &args),
        Command::Packages(args) => packages::run(&root, &args),
        Command::Gates(args) => gates::run(&root, &args),
        Command::Preflight(args) => preflight::run(&args),
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
fn the_command_line_is_well_formed() {
    <Cli as clap::CommandFactory>::command().debug_assert();
}
