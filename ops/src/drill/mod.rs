//! The runbook's incidents, injected one after another, each recognised and recovered from.
//!
//! Each is done to the rehearsed stack under load. Its sign must appear in the metrics, the applied
//! alarm must go off on them, the section's mitigation must end it. How time is scaled, and what is
//! done in place of what: docs/drills.md.

mod event;
mod incident;
mod injection;
mod play;
mod recorder;
mod row;
mod scene;
mod special;
mod traffic;
mod verdict;

use std::path::PathBuf;

use crate::stage;

/// Arguments of the command.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    stage: stage::StageArgs,
    /// Only these incidents
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Runbook whose headings the incidents name
    #[arg(long, default_value = "docs/runbook.md")]
    runbook: PathBuf,
    /// Document that has the last drill's table
    #[arg(long, default_value = "docs/drills.md")]
    record: PathBuf,
    /// Write the table into the record, and each section's line into the runbook
    #[arg(long)]
    keep: bool,
}

/// Runs the command; `Ok(false)` means that it ran and found something wrong.
pub fn run(args: &Args) -> anyhow::Result<bool> {
    stage::run(&args.stage, "drill", async |folder, report| play::play(args, folder, report).await)
}
