//! The drill: causes each incident of the runbook under load, checks that its alarm fires, and ends it with the steps
//! of its section.
//!
//! `incidents` has one value for each incident. `procedure` runs them all. docs/drills.md describes the scale of time
//! and the replacements for parts of AWS.

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
    /// Runbook that has a section for each incident
    #[arg(long, default_value = "docs/runbook.md")]
    runbook: PathBuf,
    /// Document with the table of the last drill
    #[arg(long, default_value = "docs/drills.md")]
    record: PathBuf,
    /// Write the table into the record, and the line `Last drilled` of each section into the runbook
    #[arg(long)]
    keep: bool,
}

/// Runs the command. `Ok(false)` means that a check failed.
pub fn run(args: &Args) -> anyhow::Result<bool> {
    testbed::run(&args.testbed, "drill", async |folder, report| all(args, folder, report).await)
}

/// Starts the stack and drills all selected incidents.
async fn all(args: &Args, folder: &Path, report: &mut Report) -> anyhow::Result<()> {
    let known: BTreeSet<_> = ALL.iter().copied().flatten().map(|incident| incident.name).collect();
    for name in &args.only {
        ensure!(known.contains(&**name), "unknown incident {name}; use one of {known:?}");
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
    let runbook = std::fs::read_to_string(&args.runbook).context("cannot read the runbook")?;
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
    report.note(&format!("{:.0} s in total", report.seconds()));
    if args.keep {
        let drilled: BTreeSet<&str> = rows.iter().map(|r| r.name).collect();
        let good = drilled == known && rows.iter().all(|r| r.good);
        report.check("all incidents ran as expected, and the table is saved", good, "");
        if good {
            record::keep(&args.record, &args.runbook, &rows)?;
        }
    }
    Ok(())
}
