//! What the workflow `deploy` asks GitHub before anything is built.
//!
//! A stand-in takes the place of `gh` on the path, and refuses what the real one refuses.

#![expect(clippy::unwrap_used, reason = "an unwrap that fails fails its test")]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use tempfile::TempDir;

/// `gh api` shows an environment's `RULES`, if any.
const GH: &str = r#"#!/bin/sh
[ -n "${RULES+set}" ] || { echo 'Not Found (HTTP 404)' >&2; exit 1; }
echo "$RULES"
"#;

/// Runs the command `preflight` for an environment with these rules, or without one; whether it passes, and what it
/// prints.
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
fn without_an_environment_or_its_reviewers_nothing_is_built() {
    let (passed, said) = preflight(&[]);
    assert!(!passed && said.contains("no environment production"), "{said}");
    let (passed, said) = preflight(&[("RULES", "branch_policy")]);
    assert!(!passed && said.contains("no required reviewers"), "{said}");
}

#[test]
fn that_nobody_approves_can_be_accepted() {
    let (passed, said) = preflight(&[("RULES", ""), ("UNREVIEWED_DEPLOYMENTS", "accepted")]);
    assert!(passed && said.contains("::warning title=Unreviewed deployment"), "{said}");
}

#[test]
fn with_reviewers_a_deployment_begins() {
    let rules = ("RULES", "branch_policy\nrequired_reviewers");
    assert_eq!(preflight(&[rules, ("PRIVATE", "false")]), (true, String::new()));
    let (passed, said) = preflight(&[rules, ("PRIVATE", "true")]);
    assert!(passed && said.contains("GitHub Enterprise"), "{said}");
}
