//! What a Terraform plan means, for the person who has to approve it.

/// Arguments of the command.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs the command; `Ok(false)` means that it ran and found something wrong.
pub fn run(_args: &Args) -> anyhow::Result<bool> {
    anyhow::bail!("not written yet")
}
