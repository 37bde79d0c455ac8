//! A leaked key: docs/runbook.md, "Replace a leaked key".

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
    checks.check("and deploys", || equal(&(deployments + 1), &stack.deployments()?));
    checks.check("the images are those that ran", || stack.runs(&api(1)));
    checks.check("the next deployment", || stack.release(&api(5))?.ends_with(0));
    checks.check("does not bring it back", || stack.has_keys(&list));
    checks.check("nor does a rollback", || stack.deploy("rollback"));
    checks.check("which changes the image", || stack.runs(&api(1)));
    checks.check("and not the key", || stack.has_keys(&list));
    checks.check("a plan that breaks a rule does not pass", || {
        let old = stack.get("TF_VARS").to_owned();
        let live = old.replace("environment = \"production\"", "environment = \"live\"");
        ensure!(live != old, "the variables name no environment");
        stack.exits(1, "plan", &[("TF_VARS", &live)])
    });
    Ok(())
}

/// The command of the runbook, as it stands there.
fn command(runbook: &str) -> Option<&str> {
    let (_, section) = runbook.split_once("### Replace a leaked key\n")?;
    let start = section.find("cargo ops key rotate")?;
    section.get(start..)?.lines().next()
}

/// Runs the command as a person would. The key that it prints.
fn make(stack: &Stack, command: &str) -> anyhow::Result<String> {
    let step = stack.run(command, &[])?;
    step.ends_with(0)?;
    let key = step.printed();
    ensure!(key.len() == 48, "{command} printed no key");
    Ok(key.to_owned())
}
