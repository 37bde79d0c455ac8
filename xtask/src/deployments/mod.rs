//! Deployments, rollbacks and a leaked key, by `ops deploy` against the emulated AWS: what the workflows cannot show
//! until they run.

mod first;
mod key;
mod rollback;
mod stack;

use std::fs;
use std::path::Path;

use crate::checks::Checks;
use crate::emulator;
use crate::terraform::Terraform;
use stack::Stack;

/// Runs the command; whether nothing failed.
pub fn run(root: &Path) -> anyhow::Result<bool> {
    let mut checks = Checks::default();
    match Terraform::find(root)? {
        Err(reason) => checks.skip(&format!("deploy: {reason}"), 1),
        Ok(_) if !emulator::is_available(root)? => {
            checks.skip("deploy: the emulated AWS could not be installed", 1);
        }
        Ok(terraform) => {
            let folder = root.join(".run/deployments");
            fs::create_dir_all(&folder)?;
            let mut stack = Stack::new(root, &terraform, folder.canonicalize()?)?;
            first::check(&mut stack, &mut checks);
            rollback::check(&mut stack, &mut checks)?;
            key::check(root, &mut stack, &mut checks)?;
        }
    }
    Ok(checks.finish())
}
