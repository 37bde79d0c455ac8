//! Tests the check `advisories` with planted databases: clones that `ADVISORY_DB` names.

#![expect(clippy::unwrap_used, reason = "an unwrap that fails fails its test")]

use std::fs;
use std::process::Command;
use std::time::SystemTime;

use tempfile::TempDir;
use xtask::command::command;

/// A database with a vulnerability in every version of a crate, committed this number of days ago.
fn database(package: &str, days: u64) -> TempDir {
    let folder = TempDir::new().unwrap();
    let advisories = folder.path().join("crates").join(package);
    fs::create_dir_all(&advisories).unwrap();
    let advisory = format!(
        "```toml\n[advisory]\nid = \"RUSTSEC-2020-0001\"\npackage = \"{package}\"\ndate = \"2020-01-01\"\n\n\
         [versions]\npatched = []\n```\n\n# A planted vulnerability\n"
    );
    fs::write(advisories.join("RUSTSEC-2020-0001.md"), advisory).unwrap();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let date = format!("{} +0000", now - days * 86_400);
    for line in ["init --quiet", "add --all", "commit --quiet --message seed"] {
        let mut git = command("git");
        git.args(["-c", "user.name=seed", "-c", "user.email=seed@example.com"]);
        git.args(line.split(' ')).current_dir(folder.path()).env("GIT_COMMITTER_DATE", &date);
        assert!(git.status().unwrap().success());
    }
    folder
}

/// Runs the check with this database. Returns its output.
fn lint(database: &TempDir) -> String {
    let mut xtask = Command::new(env!("CARGO_BIN_EXE_xtask"));
    xtask.args(["lint", "advisories"]).env("ADVISORY_DB", database.path());
    String::from_utf8(xtask.output().unwrap().stdout).unwrap()
}

/// One test, because the check has one folder for its database.
#[test]
fn vulnerability_and_old_database_are_found() {
    let said = lint(&database("anyhow", 89));
    if let Some(skip) = said.lines().find(|line| line.starts_with("SKIPPED: ")) {
        println!("{skip}");
        return;
    }
    assert!(said.starts_with("FAIL advisories\n") && said.contains("RUSTSEC-2020-0001"), "{said}");
    let said = lint(&database("not-linked-here", 89));
    assert!(said.starts_with("ok advisories (1)\n"), "{said}");
    let said = lint(&database("not-linked-here", 92));
    assert!(said.starts_with("FAIL advisories\n") && said.contains(" days old"), "{said}");
    let said = lint(&TempDir::new().unwrap());
    assert!(
        said.starts_with("SKIPPED: advisories: the RustSec database cannot be reached"),
        "{said}"
    );
}
