//! Tests `ops release` as the workflows and the scripts run it, with a fake AWS CLI and the real curl.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

mod registry;
mod rollback;
mod scan;
mod smoke;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

/// A fake AWS CLI. For `aws SERVICE OPERATION …` it prints the file `OPERATION.json`, or the next of
/// `OPERATION.1.json`, `OPERATION.2.json`, …. With a file `OPERATION.error`, the call fails. The file `calls` contains
/// all calls.
const AWS: &str = r#"#!/bin/sh
cd "$(dirname "$0")" || exit 1
echo "$@" >>calls
if [ -e "$2.error" ]; then cat "$2.error" >&2; exit 254; fi
next="$2.$(grep -c "^$1 $2 " calls).json"
[ -e "$next" ] || next="$2.json"
cat "$next"
"#;

/// A folder with the fake AWS CLI and its answers.
fn aws(answers: &[(&str, String)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    program(folder.path(), "aws", AWS);
    for (name, text) in answers {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// Writes a fake program into the folder.
fn program(folder: &Path, name: &str, script: &str) {
    let path = folder.join(name);
    fs::write(&path, script).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn calls(folder: &Path) -> String {
    fs::read_to_string(folder.join("calls")).unwrap_or_default()
}

/// Runs `ops release ARGUMENTS` with the folder first in `PATH`.
fn release(folder: &Path, arguments: &[&str]) -> Output {
    release_with(folder, arguments, &[])
}

/// The same with more environment variables, from the root of the repository.
fn release_with(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let path = std::env::var("PATH").unwrap();
    Command::new(env!("CARGO_BIN_EXE_ops"))
        .arg("release")
        .args(arguments)
        .env("PATH", format!("{}:{path}", folder.display()))
        .env_remove("SMOKE_API_KEY")
        .env_remove("GITHUB_ACTIONS")
        .env_remove("GITHUB_STEP_SUMMARY")
        .envs(environment.iter().copied())
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .output()
        .unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}
