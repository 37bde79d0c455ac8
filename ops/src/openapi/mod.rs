//! Checks the documents of the services, and compares them with the documents of the last release.
//!
//! `ops openapi check` runs the checker that the services and the sidecar run at start, so it finds faults before a
//! build. `ops openapi breaking` compares two folders of documents. Other tools check the schema of OpenAPI and the
//! style of a document.

pub mod breaking;
pub mod place;
pub mod tree;

use std::path::PathBuf;

use tree::{Outcome, Tree};

/// Arguments of the command.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Check documents by the rules of the platform
    Check {
        /// The documents
        #[arg(required = true, value_name = "FILE")]
        documents: Vec<PathBuf>,
    },
    /// Report changes that break the callers of older documents
    Breaking {
        /// Folder that contains only the older documents
        old: PathBuf,
        /// Folder that contains only the newer documents
        new: PathBuf,
    },
}

/// Runs the command. `Ok(false)` means that a document has a fault, or that its version does not announce a breaking
/// change.
pub fn run(args: &Args) -> anyhow::Result<bool> {
    let mut good = true;
    match &args.command {
        Command::Check { documents } => {
            for path in documents {
                if let Err(error) = tree::contract(path) {
                    good = false;
                    for line in error.to_string().lines() {
                        println!("{}: {line}", path.display());
                    }
                }
            }
        }
        Command::Breaking { old, new } => {
            for (path, outcome) in Tree::read(old)?.outcomes(&Tree::read(new)?)? {
                println!("{}: {outcome}", path.display());
                good &= !matches!(outcome, Outcome::Unannounced(_) | Outcome::Removed);
            }
        }
    }
    Ok(good)
}
