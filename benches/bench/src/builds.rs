//! How long the service takes to build: cold, again, and after a change.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, ensure};
use probe::program::root;
use probe::server::Directory;

use crate::section::Section;
use crate::table::Table;

/// A cold build that takes longer is told as such: the page is to be there in a quarter of an hour.
const LIMIT: Duration = Duration::from_mins(5);

/// Builds, and saves the section `builds`.
pub fn run() -> Result<()> {
    let mut section = Section::new("Build time");
    let mut table = Table::new(&["`cargo build --release --package sum-api`", "seconds"]);
    let cold = match measured_by_the_script() {
        Some(cold) => Some(cold),
        None => build(&Directory::new()?.0)?,
    };
    table.row(["from nothing, crates downloaded already", &shown(cold)]);
    let target = root().join("target");
    build(&target)?;
    table.row(["nothing changed", &shown(build(&target)?)]);
    // To cargo a file with a new time is a changed file.
    let library = root().join("services/sum/src/lib.rs");
    fs::File::open(&library)?.set_modified(SystemTime::now())?;
    table.row(["one file of the service changed", &shown(build(&target)?)]);
    println!("{table}");
    section.add(table);
    section.save("builds")
}

/// `scripts/bench.sh` begins with the cold build when there is nothing yet.
fn measured_by_the_script() -> Option<Duration> {
    let seconds =
        fs::read_to_string(root().join("target/bench/results/cold-build-seconds")).ok()?;
    Some(Duration::from_secs(seconds.trim().parse().ok()?))
}

/// `None` when it takes longer than [`LIMIT`].
fn build(target: &Path) -> Result<Option<Duration>> {
    let started = Instant::now();
    let status = Command::new("timeout")
        .arg(LIMIT.as_secs().to_string())
        .args(["cargo", "build", "--locked", "--release", "--package", "sum-api"])
        .current_dir(root())
        .env("CARGO_TARGET_DIR", target)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .context("starting cargo")?;
    if status.code() == Some(124) {
        return Ok(None);
    }
    ensure!(status.success(), "the service does not build: {status}");
    Ok(Some(started.elapsed()))
}

fn shown(took: Option<Duration>) -> String {
    took.map_or_else(
        || format!("more than {}, given up", LIMIT.as_secs()),
        |took| format!("{:.1}", took.as_secs_f64()),
    )
}
