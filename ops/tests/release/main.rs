//! `ops release`, run as the scripts run it: with a stand-in for the AWS CLI, and the real curl.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

mod rollback;
mod scan;
mod smoke;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// A stand-in for the AWS CLI. It answers `aws SERVICE OPERATION …` with the file `OPERATION.json`, or
/// with the next of `OPERATION.1.json`, `OPERATION.2.json`, …; a file `OPERATION.error` fails the call.
/// What it was asked is in the file `calls`.
const AWS: &str = r#"#!/bin/sh
cd "$(dirname "$0")" || exit 1
echo "$@" >>calls
if [ -e "$2.error" ]; then cat "$2.error" >&2; exit 254; fi
next="$2.$(grep -c "^$1 $2 " calls).json"
[ -e "$next" ] || next="$2.json"
cat "$next"
"#;

/// A folder with the stand-in.
fn aws(answers: &[(&str, String)]) -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("aws");
    fs::write(&program, AWS).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    for (name, text) in answers {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn calls(folder: &Path) -> String {
    fs::read_to_string(folder.join("calls")).unwrap_or_default()
}

/// `ops release ARGUMENTS` with the programs of the folder before all others.
fn release(folder: &Path, arguments: &[&str]) -> Output {
    let path = std::env::var("PATH").unwrap();
    Command::new(env!("CARGO_BIN_EXE_ops"))
        .arg("release")
        .args(arguments)
        .env("PATH", format!("{}:{path}", folder.display()))
        .env_remove("SMOKE_API_KEY")
        .env_remove("GITHUB_ACTIONS")
        .output()
        .unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}
