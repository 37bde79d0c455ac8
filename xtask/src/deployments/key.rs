//! Runs "Replace a leaked key" of docs/runbook.md.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, ensure};

use super::stack::{Stack, api};
use crate::checks::{Checks, equal};

pub(super) fn check(root: &Path, stack: &mut Stack, checks: &Checks) -> anyhow::Result<()> {
    let runbook = fs::read_to_string(root.join("docs/runbook.md"))?;
    let command = command(&runbook).context("the runbook has no command for a leaked key")?;
    checks.check("a new service has no key", || stack.has_keys("none"));
    let leaked = make(stack, "cargo ops key add test")?;
    checks.check("the key that leaks is in use", || stack.has_keys(&format!("test:{leaked}")));
    let deployments = stack.deployments()?;
    let new = make(stack, &command.replace("CLIENT", "test"))?;
    let list = format!("test:{new}");
    checks.check("the command of the runbook replaces it", || stack.has_keys(&list));
    checks.check("the command starts one deployment", || {
        equal(&(deployments + 1), &stack.deployments()?)
    });
    checks.check("the deployment keeps the images", || stack.runs(&api(1)));
    checks.check("the next deployment succeeds", || stack.release(&api(5))?.ends_with(0));
    checks.check("the next deployment keeps the new key", || stack.has_keys(&list));
    checks.check("a rollback succeeds", || stack.deploy("rollback"));
    checks.check("the rollback changes the image", || stack.runs(&api(1)));
    checks.check("the rollback keeps the new key", || stack.has_keys(&list));
    checks.check("a plan that breaks a rule fails", || {
        let old = stack.get("TF_VARS").to_owned();
        let live = old.replace("environment = \"production\"", "environment = \"live\"");
        ensure!(live != old, "the variables name no environment");
        stack.exits(1, "plan", &[("TF_VARS", &live)])
    });
    Ok(())
}

/// The command in the runbook.
fn command(runbook: &str) -> Option<&str> {
    let (_, section) = runbook.split_once("### Replace a leaked key\n")?;
    let start = section.find("cargo ops key rotate")?;
    section.get(start..)?.lines().next()
}

/// Runs the command as a person would, and returns the key that it prints.
fn make(stack: &Stack, command: &str) -> anyhow::Result<String> {
    let step = stack.run(command, &[])?;
    step.ends_with(0)?;
    let key = step.printed();
    ensure!(key.len() == 48, "{command} printed no key");
    Ok(key.to_owned())
}
