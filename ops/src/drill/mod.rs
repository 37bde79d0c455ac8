//! The runbook's incidents, injected one after another, each recognised and recovered from.

/// Arguments of the command.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs the command; `Ok(false)` means that it ran and found something wrong.
pub fn run(_args: &Args) -> anyhow::Result<bool> {
    anyhow::bail!("not written yet")
}
