//! Compares the costs of a request and the size of the binary with benches/gates.json.
//!
//! The crate `benches` counts and compares. This command builds the service and the probes.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};

use crate::command::{command, from_line};
use crate::packages;

/// Arguments of the command.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Write the measured values to benches/gates.json
    #[arg(long)]
    set: bool,
    /// Measure this binary instead of a new build
    #[arg(long, env = "SUM_API_BIN")]
    binary: Option<PathBuf>,
}

const BUILD_SERVICE: &str = "cargo build --quiet --locked --release --package sum-api";
const BUILD_PROBES: &str = "cargo build --quiet --locked --release --manifest-path benches/Cargo.toml --package probe --package peer-bare";

/// Runs the command. `Ok(false)`: a count is above its gate.
pub fn run(root: &Path, args: &Args) -> anyhow::Result<bool> {
    packages::install(root, &["valgrind", "strace"])?;
    if args.binary.is_none() {
        let status = from_line(BUILD_SERVICE).current_dir(root).status().context("cargo")?;
        ensure!(status.success(), "the service does not compile");
    }
    let target = root.join("target/bench");
    let mut probes = from_line(BUILD_PROBES);
    let status = probes.current_dir(root).env("CARGO_TARGET_DIR", &target).status();
    ensure!(status.context("cargo")?.success(), "the probes do not compile");
    let mut gate = command(target.join("release/gate"));
    gate.args(args.set.then_some("--set")).current_dir(root);
    if let Some(binary) = &args.binary {
        gate.env("SUM_API_BIN", binary);
    }
    Ok(gate.status().context("target/bench/release/gate")?.success())
}
