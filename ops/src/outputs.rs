//! The outputs of a state of Terraform.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};
use serde_json::Value;

/// Reads the outputs of the state that a folder of Terraform has: an object, each member with its `value`.
///
/// # Errors
///
/// Terraform is missing, or cannot read the state.
pub fn read(folder: &Path) -> anyhow::Result<Value> {
    let mut terraform = Command::new("terraform");
    terraform.arg(format!("-chdir={}", folder.display())).args(["output", "-json", "-no-color"]);
    let output =
        terraform.stdin(Stdio::null()).output().context("cannot run `terraform`: install it")?;
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.lines().find(|line| line.contains("Error: ")).unwrap_or_default();
    ensure!(
        output.status.success(),
        "{} has no state here ({said}): run `make aws-bootstrap` first",
        folder.display()
    );
    serde_json::from_slice(&output.stdout).context("terraform output")
}
