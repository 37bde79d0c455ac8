//! The checks of the workflow `deploy` on GitHub before the build.
//!
//! A stand-in replaces `gh` on the path. It fails like the real one when the environment does not exist.

#![expect(clippy::unwrap_used, reason = "an unwrap that fails fails its test")]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use tempfile::TempDir;

/// A `gh` that prints the environment's `RULES`, and fails without the variable.
const GH: &str = r#"#!/bin/sh
[ -n "${RULES+set}" ] || { echo 'Not Found (HTTP 404)' >&2; exit 1; }
echo "$RULES"
"#;

/// Runs the command `preflight` with these environment variables. Returns whether it passes, and its output.
fn preflight(environment: &[(&str, &str)]) -> (bool, String) {
    let folder = TempDir::new().unwrap();
    let gh = folder.path().join("gh");
    fs::write(&gh, GH).unwrap();
    fs::set_permissions(gh, Permissions::from_mode(0o755)).unwrap();
    let path = std::env::var("PATH").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_ops"))
        .args(["deploy", "preflight"])
        .env("ENVIRONMENT", "")
        .env("PATH", format!("{}:{path}", folder.path().display()))
        .env("GITHUB_REPOSITORY", "owner/name")
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    (output.status.success(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

#[test]
fn missing_environment_or_reviewers_are_refused() {
    let (passed, said) = preflight(&[]);
    assert!(!passed && said.contains("no environment production"), "{said}");
    let (passed, said) = preflight(&[("RULES", "branch_policy")]);
    assert!(!passed && said.contains("no required reviewers"), "{said}");
}

#[test]
fn unreviewed_deployment_can_be_accepted() {
    let (passed, said) = preflight(&[("RULES", ""), ("UNREVIEWED_DEPLOYMENTS", "accepted")]);
    assert!(passed && said.contains("::warning title=Unreviewed deployment"), "{said}");
}

#[test]
fn environment_with_reviewers_passes() {
    let rules = ("RULES", "branch_policy\nrequired_reviewers");
    assert_eq!(preflight(&[rules, ("PRIVATE", "false")]), (true, String::new()));
    let (passed, said) = preflight(&[rules, ("PRIVATE", "true")]);
    assert!(passed && said.contains("GitHub Enterprise"), "{said}");
}
