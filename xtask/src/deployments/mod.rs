//! Deployments, rollbacks and the replacement of a leaked key, with `ops deploy` against the emulated AWS. The
//! workflows use the same steps, but run only on GitHub. In parallel, the commands of a laptop run from an empty
//! account.

mod commands;
mod first;
mod key;
mod laptop;
mod rollback;
mod runbook;
mod stack;

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::anyhow;

use crate::checks::Checks;
use crate::emulator;
use crate::ops;
use crate::terraform::Terraform;
use stack::Stack;

/// Arguments of the command.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Run only one part
    #[arg(value_enum)]
    part: Option<Part>,
}

/// A part of the proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// The steps of the workflows
    Workflows,
    /// The commands of a laptop
    Laptop,
}

/// A copy of the runbook with a contact, because a deployment to production requires one.
fn filled_runbook(root: &Path, folder: &Path) -> anyhow::Result<PathBuf> {
    let copy = folder.join("runbook.md");
    let page = fs::read_to_string(root.join("docs/runbook.md"))?;
    fs::write(&copy, page.replace("FILL IN", "somebody"))?;
    Ok(copy)
}

/// Runs the command. Returns whether all checks passed.
pub fn run(root: &Path, args: &Args) -> anyhow::Result<bool> {
    let checks = Checks::default();
    match Terraform::find(root)? {
        Err(reason) => checks.skip(&format!("deploy: {reason}"), 1),
        Ok(_) if !emulator::is_available(root)? => {
            checks.skip("deploy: the emulated AWS could not be installed", 1);
        }
        Ok(terraform) => {
            let folder = root.join(".run/deployments");
            fs::create_dir_all(&folder)?;
            let folder = folder.canonicalize()?;
            let ops = ops::build(root, &folder)?;
            // Each part has its own emulator, and both wait more than they compute.
            let wants = |part| args.part.is_none_or(|wanted| wanted == part);
            let laptop =
                || commands::check(root, &terraform, &folder.join("laptop"), &ops, &checks);
            thread::scope(|scope| {
                let laptop = wants(Part::Laptop).then(|| scope.spawn(laptop));
                if wants(Part::Workflows) {
                    let mut stack = Stack::new(root, &terraform, folder.clone(), &ops)?;
                    first::check(&mut stack, &checks);
                    rollback::check(&mut stack, &checks)?;
                    key::check(root, &mut stack, &checks)?;
                    runbook::check(root, &stack, &checks)?;
                }
                laptop.map_or(Ok(()), |laptop| {
                    laptop.join().unwrap_or_else(|_| Err(anyhow!("a check of the laptop panicked")))
                })
            })?;
        }
    }
    Ok(checks.finish())
}
