//! How long the service takes to build, in a copy of the tree: cold, again, and after a change.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use probe::program::root;
use probe::server::Directory;

use crate::section::Section;
use crate::table::Table;

/// A cold build that takes longer is told as such: the page is to be there in a quarter of an hour.
const LIMIT: Duration = Duration::from_mins(5);

/// Builds three times and saves the section `builds`.
pub fn run() -> Result<()> {
    let mut section = Section::new("Build time");
    let copy = Directory::new()?;
    let tree = ["Cargo.toml", "Cargo.lock", "rust-toolchain.toml", "services", "contract", "ops"];
    let copied = Command::new("cp")
        .arg("-r")
        .args(tree.map(|name| root().join(name)))
        .arg(&copy.0)
        .status()?;
    ensure!(copied.success(), "the tree cannot be copied");

    let mut table = Table::new(&["`cargo build --release --package sum-api`", "seconds"]);
    let cold = build(&copy)?;
    table.row(["from nothing, crates downloaded already", &shown(cold)]);
    if let Some(cold) = cold {
        section.note("cold_s", cold.as_secs_f64());
        table.row(["nothing changed", &shown(build(&copy)?)]);
        let source = copy.0.join("services/api/src/sum.rs");
        let text = fs::read_to_string(&source)?;
        fs::write(&source, text + "\n/// A change.\npub const CHANGED: bool = true;\n")?;
        let warm = build(&copy)?;
        table.row(["one file of the service changed", &shown(warm)]);
        section.note("warm_s", warm.map_or(f64::NAN, |warm| warm.as_secs_f64()));
    }
    println!("{table}");
    section.add(table);
    section.save("builds")
}

/// `None` when it takes longer than [`LIMIT`].
fn build(copy: &Directory) -> Result<Option<Duration>> {
    let started = Instant::now();
    let status = Command::new("timeout")
        .arg(LIMIT.as_secs().to_string())
        .args(["cargo", "build", "--locked", "--release", "--package", "sum-api"])
        .current_dir(&copy.0)
        .env("CARGO_TARGET_DIR", copy.0.join("target"))
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
