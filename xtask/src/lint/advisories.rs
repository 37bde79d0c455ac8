//! Checks the linked crates for known vulnerabilities: cargo-deny with the database of `RustSec`.
//!
//! The database is a git repository. `ADVISORY_DB` names a clone for machines that cannot reach it. A clone older than
//! `ADVISORY_DB_MAX_DAYS` (90) is refused, because it lacks newer vulnerabilities.

use std::env;
use std::fs;
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context as _, ensure};

use super::Outcome;
use super::tree::Job;
use crate::command::output;

const DATABASE: &str = "https://github.com/RustSec/advisory-db";
const UNREACHABLE: &str =
    "the RustSec database cannot be reached here; name a clone by ADVISORY_DB";

pub(super) fn check(job: &mut Job<'_>) -> anyhow::Result<Outcome> {
    let source = match env::var("ADVISORY_DB") {
        Ok(path) if !path.is_empty() => format!("file://{path}"),
        _ => DATABASE.to_owned(),
    };
    let databases = job.tree.logs.join("advisories");
    let _ = fs::remove_dir_all(&databases);
    fs::create_dir_all(&databases)?;
    let policy = fs::read_to_string(job.tree.home.join("deny.toml")).context("deny.toml")?;
    let config = databases.join("deny.toml");
    let with_path = format!("[advisories]\ndb-path = \"{}\"", databases.display());
    fs::write(&config, policy.replacen("[advisories]", &with_path, 1))?;
    ensure!(job.passes(&mut job.command("cargo fetch --quiet --locked"))?, "cargo fetch failed");
    let deny = || {
        let mut command = job.command("cargo-deny --locked --offline --color never");
        command.arg("--config").arg(&config).args(["check", "advisories"]);
        command
    };

    // The folder name of the database is a hash of its URL. cargo-deny prints it when the folder is missing.
    let complaint = String::from_utf8_lossy(&deny().output()?.stderr).into_owned();
    let folder = folder(&complaint).context("cargo-deny printed no database folder")?;
    let database = databases.join(folder);
    let mut clone = job.command("timeout 120 git clone --quiet --depth 1");
    if !job.passes(clone.arg(&source).arg(&database).env("GIT_TERMINAL_PROMPT", "0"))? {
        return Ok(Outcome::Skipped(UNREACHABLE.to_owned()));
    }
    let git = |line: &str| -> Command {
        let mut command = job.command(line);
        command.current_dir(&database);
        command
    };
    ensure!(job.passes(&mut git("git fetch --quiet --depth 1 origin HEAD"))?, "git fetch failed");

    let newest = output(&mut git("git log -1 --format=%ct"))?.trim().parse::<u64>()?;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs();
    let days = now.saturating_sub(newest) / 86_400;
    let most = env::var("ADVISORY_DB_MAX_DAYS").unwrap_or_else(|_| "90".to_owned()).parse()?;
    ensure!(days <= most, "the newest advisory in {source} is {days} days old");
    Ok(Outcome::from_verdict(job.passes(&mut deny())?, job.files.len()))
}

/// Finds `advisory-db-` and 16 hexadecimal digits in a text.
fn folder(text: &str) -> Option<&str> {
    let start = text.find("advisory-db-")?;
    text.get(start..start + "advisory-db-".len() + 16)
}
