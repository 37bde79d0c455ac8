//! The GitHub settings of a repository that deploys: environments, variables, secrets and the rules for `main`.
//!
//! [`SETTINGS`] is the only list of variables and secrets. `setup` compares it with GitHub and writes the differences.
//! A second run changes nothing.

mod api;
mod bootstrap;
mod environment;
mod report;
mod reviewers;
mod ruleset;
mod settings;
mod setup;
mod values;

pub use report::Feature;
pub use settings::{SETTINGS, Scope, Setting, table};

/// Arguments of the command.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Configure environments, variables, secrets and branch rules; safe to repeat
    Setup(setup::Args),
    /// Print the table of docs/ci.md with the settings of `setup`
    Settings,
}

/// Runs the command. `Ok(false)` means that GitHub lacks a setting.
///
/// # Errors
///
/// `gh` is missing or not logged in, the repository does not exist, or terraform/bootstrap has no outputs.
pub fn run(args: &Args) -> anyhow::Result<bool> {
    match &args.command {
        Command::Setup(args) => setup::run(args),
        Command::Settings => {
            print!("{}", table());
            Ok(true)
        }
    }
}
