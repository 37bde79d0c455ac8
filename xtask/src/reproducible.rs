//! Builds the binary of a service twice from one commit, in two directories, and compares the bytes.
//!
//! Each binary must contain the commit, as the image build passes it. The command takes 9 minutes on two cores, because
//! it builds everything twice without a cache.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, ensure};
use chassis::document::Document;

use crate::checks::Checks;
use crate::command::{command, from_line, output, said};

/// The paths have different lengths, because equal lengths could hide a path in the binary.
const PLACES: [&str; 2] = ["one", "another/directory/two"];

/// Arguments of the command.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The service's folder below services/
    #[arg(long, env = "SERVICE")]
    service: String,
    /// The commit. The work tree is not used, because it can change between the two builds
    #[arg(default_value = "HEAD")]
    commit: String,
}

/// Runs the command. Returns whether the two binaries are equal.
pub fn run(root: &Path, args: &Args) -> anyhow::Result<bool> {
    let document = format!("services/{}/openapi.json", args.service);
    let text = fs::read_to_string(root.join(&document)).context(document)?;
    let name = Document::parse(&text)?.service.name;
    let commit = format!("{}^{{commit}}", args.commit);
    let commit = output(from_line("git rev-parse --verify").arg(commit).current_dir(root))?;
    let commit = commit.trim();
    let scratch = root.join(".run/reproducible");
    println!("commit {commit}, {}", output(&mut from_line("rustc --version"))?.trim());
    let checks = Checks::default();
    checks.check("the two binaries are equal", || {
        let [first, second] = PLACES.map(|place| build(root, &name, commit, &scratch, place));
        ensure!(first? == second?, "they differ");
        Ok(())
    });
    Ok(checks.finish())
}

/// Builds the commit in a folder below `scratch`, removes `scratch`, and returns the binary.
fn build(
    root: &Path,
    name: &str,
    commit: &str,
    scratch: &Path,
    place: &str,
) -> anyhow::Result<Vec<u8>> {
    let started = Instant::now();
    let _ = fs::remove_dir_all(scratch);
    let folder = scratch.join(place);
    fs::create_dir_all(&folder)?;
    let source =
        format!("set -o pipefail; git archive {commit} | tar --extract --directory \"$1\"");
    said(command("bash").args(["-c", &source, "archive"]).arg(&folder).current_dir(root))?;

    let home = env::var_os("HOME").unwrap_or_default();
    let cargo =
        env::var_os("CARGO_HOME").map_or_else(|| Path::new(&home).join(".cargo"), PathBuf::from);
    let path = folder.display().to_string();
    // rustc writes the path of each source file into the binary, for panic messages. Map both places to one path.
    let remap =
        format!("--remap-path-prefix={path}=/src --remap-path-prefix={}=/cargo", cargo.display());
    let mut build =
        from_line("cargo build --quiet --locked --release --target-dir target --package");
    build.arg(name).current_dir(&folder).env("RUSTFLAGS", remap).env("SERVICE_REVISION", commit);
    said(&mut build)?;

    let file = folder.join("target/release").join(name);
    let hash = output(command("sha256sum").arg(&file))?;
    println!(
        "{}  {place} ({} s)",
        hash.split(' ').next().unwrap_or_default(),
        started.elapsed().as_secs()
    );
    let binary = fs::read(file)?;
    fs::remove_dir_all(scratch)?;
    ensure!(!contains(&binary, &path), "the binary contains the path of its build: {path}");
    ensure!(contains(&binary, commit), "the binary does not contain its commit");
    Ok(binary)
}

fn contains(binary: &[u8], text: &str) -> bool {
    binary.windows(text.len()).any(|window| window == text.as_bytes())
}
