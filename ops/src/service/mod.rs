//! Creates a service, and generates files from the documents of all services.
//!
//! A service is a folder below `services` with an `openapi.json`. Terraform, Compose and reviewers of the sidecar's
//! configuration need their own files. They are generated from the documents, so nobody edits them. `ops service check`
//! reports a file that differs from the documents.

mod create;
mod declared;
mod generated;
mod name;
mod template;

use std::path::PathBuf;

use anyhow::Context as _;

pub use declared::{Declared, Services};
pub use name::{Name, Refused};

/// Arguments of the command.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
    /// The repository's root
    #[arg(long, default_value = ".", global = true)]
    root: PathBuf,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Create a new service with one example operation
    Create {
        /// Name of its folder and crate: 1 to 16 of a-z, 0-9 and hyphens
        name: String,
    },
    /// Write every generated file again
    Generate,
    /// Report generated files that differ from the documents
    Check,
}

/// Runs the command; `Ok(false)` means that a generated file differs.
pub fn run(args: &Args) -> anyhow::Result<bool> {
    let root = args.root.canonicalize().context("the root of the repository")?;
    match &args.command {
        Command::Create { name } => create::run(&root, name),
        Command::Generate => {
            for file in generated::differing(&root, &Services::read(&root)?)? {
                file.write(&root)?;
                println!("{} is written", file.path.display());
            }
            Ok(true)
        }
        Command::Check => {
            let differing = generated::differing(&root, &Services::read(&root)?)?;
            for file in &differing {
                println!("{} differs: `make generate` writes it", file.path.display());
            }
            Ok(differing.is_empty())
        }
    }
}
