//! The runbook's incidents: each is caused under load, recognised by its alarm and ended as its section says.
//!
//! One incident is one value in `incidents`. `procedure` is what all of them go through. How time is scaled, and what is
//! done in place of what: docs/drills.md.

mod alarms;
mod event;
mod incident;
mod incidents;
mod procedure;
mod record;
mod recorder;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};

use crate::testbed;
use crate::testbed::report::Report;
use incident::Incident;
use incidents::{ALL, NOT_PLAYED};
use procedure::Drill;

/// Arguments of the command.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    testbed: testbed::TestbedArgs,
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
    testbed::run(&args.testbed, "drill", async |folder, report| all(args, folder, report).await)
}

/// Puts the stack up and drills every incident that is wanted.
async fn all(args: &Args, folder: &Path, report: &mut Report) -> anyhow::Result<()> {
    let known: BTreeSet<_> = ALL.iter().copied().flatten().map(|incident| incident.name).collect();
    for name in &args.only {
        ensure!(known.contains(&**name), "there is no incident {name}, only {known:?}");
    }
    let mut drill = Drill::start(&args.testbed, folder, report).await?;
    let mut rows = Vec::new();
    let wanted = |incident: &&Incident| {
        args.only.is_empty() || args.only.iter().any(|name| name == incident.name)
    };
    for group in ALL {
        rows.extend(drill.run(group.iter().filter(wanted), report).await?);
    }
    drill.testbed.service.stop().await;
    let runbook = std::fs::read_to_string(&args.runbook).context("the runbook")?;
    for row in &rows {
        report.check(
            &format!("the runbook has a section {}", row.section),
            record::has_section(&runbook, row.section),
            row.name,
        );
    }
    for (section, reason) in NOT_PLAYED {
        report.note(&format!("not drilled: {section}: {reason}"));
        let check = format!("the runbook has a section {section}");
        report.check(&check, record::has_section(&runbook, section), "not drilled");
    }
    println!("\n{}", record::table(&rows));
    report.note(&format!("{:.0} s in all", report.seconds()));
    if args.keep {
        let drilled: BTreeSet<&str> = rows.iter().map(|r| r.name).collect();
        let good = drilled == known && rows.iter().all(|r| r.good);
        report.check("a drill of all incidents, each as expected, is written down", good, "");
        if good {
            record::keep(&args.record, &args.runbook, &rows)?;
        }
    }
    Ok(())
}
