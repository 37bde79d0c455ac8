//! Every proof of terraform/ that needs no AWS account, and the plan for review.
//!
//! A check that cannot run prints `SKIPPED: name: reason`. The last line counts: `N passed, N failed, N skipped`.

mod root;

use std::path::{Path, PathBuf};

use clap::Subcommand;

use crate::emulator::UNAVAILABLE;
pub use root::{Root, Terraform, api_keys, text};

/// Arguments of the command.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Copy a root to a folder and initialise it there; exit code 69 and the reason without Terraform or its provider
    Ready {
        /// Root module
        root: PathBuf,
        /// Folder that is replaced
        folder: PathBuf,
    },
    /// Print the value of `api_keys` that gives a list of keys to every service that has keys
    Keys {
        /// One or more of KEY or CLIENT:KEY, separated by commas
        list: String,
    },
}

/// Runs the command; whether nothing failed.
pub fn run(repository: &Path, args: &Args) -> anyhow::Result<bool> {
    match &args.command {
        Command::Ready { root, folder } => match Terraform::find(repository)? {
            Ok(terraform) => terraform.ready(root, folder).map(|_| true),
            Err(reason) => {
                println!("{reason}");
                std::process::exit(UNAVAILABLE);
            }
        },
        Command::Keys { list } => {
            println!("{}", api_keys(repository, list)?);
            Ok(true)
        }
    }
}
