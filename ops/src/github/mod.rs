//! What a repository needs on GitHub before it can deploy: environments, variables, secrets and the rules for `main`.
//!
//! [`SETTINGS`] is the one list of them. `setup` compares it with what GitHub has and writes what differs. It can be
//! repeated: a second run finds everything as it should be.

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
    /// Print the table of docs/ci.md that says what `setup` sets
    Settings,
}

/// Runs the command; `Ok(false)` means that something is missing on GitHub.
///
/// # Errors
///
/// `gh` is missing or not logged in, the repository is not there, or the outputs of terraform/bootstrap are not.
pub fn run(args: &Args) -> anyhow::Result<bool> {
    match &args.command {
        Command::Setup(args) => setup::run(args),
        Command::Settings => {
            print!("{}", table());
            Ok(true)
        }
    }
}
