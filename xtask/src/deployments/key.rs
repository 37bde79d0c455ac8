//! A leaked key: docs/runbook.md, "Replace a leaked key".

use std::fs;
use std::path::Path;

use anyhow::{Context as _, ensure};

use super::stack::{LEAKED, Stack, api, keys};
use crate::checks::{Checks, equal};

const NEW: &str = "test:the-new-key-is-a-test-too";
const VERSION: [&str; 2] = ["api_key_version = 1", "api_key_version = 2"];

pub(super) fn check(root: &Path, stack: &mut Stack, checks: &Checks) -> anyhow::Result<()> {
    let old = stack.get("TF_VARS").to_owned();
    let new = old.replace(VERSION[0], VERSION[1]);
    let runbook = fs::read_to_string(root.join("docs/runbook.md"))?;
    let commands = commands(&runbook).context("the runbook has no commands for a leaked key")?;
    checks.check("the key that leaks is in use", || stack.has_keys(LEAKED));
    checks.check("the runbook has three commands for it", || equal(&3, &commands.lines().count()));
    // A rotation names no image.
    stack.unset("API_IMAGE");
    stack.unset("NGINX_IMAGE");
    checks.check("they replace it, where deployments read list and version", || {
        let file = stack.folder.join("stack.tfvars");
        fs::write(&file, &new)?;
        replace(stack, &commands.replace("stack.tfvars", &file.to_string_lossy()))
    });
    checks.check("the leaked key is gone", || stack.has_keys(NEW));
    checks.check("the images are those that ran", || stack.runs(&api(1)));
    // What the workflow reads from now on.
    stack.set("TF_VARS", &new);
    stack.set("TF_VAR_api_keys", &keys(NEW));
    checks.check("the next deployment", || stack.release(&api(5))?.ends_with(0));
    checks.check("does not bring it back", || stack.has_keys(NEW));
    checks.check("nor does a rollback", || stack.deploy("rollback"));
    checks.check("which changes the image", || stack.runs(&api(1)));
    checks.check("and not the key", || stack.has_keys(NEW));
    let (leaked, five) = (keys(LEAKED), api(5));
    checks.check("a caller who still reads the old list and version cannot deploy it", || {
        stack.exits(1, "plan", &[("TF_VARS", &old), ("TF_VAR_api_keys", &leaked)])
    });
    checks.check("nor by a rollback", || {
        let words = "module.sum[0].aws_ssm_parameter.api_key[0]";
        stack.refuses(words, "rollback", &[("API_DIGEST", &five), ("TF_VARS", &old)])
    });
    checks.check("and the leaked key stays away", || stack.has_keys(NEW));
    checks.check("a plan that breaks a rule does not pass", || {
        let live = new.replace("environment = \"production\"", "environment = \"live\"");
        ensure!(live != new, "the variables name no environment");
        stack.exits(1, "plan", &[("TF_VARS", &live)])
    });
    Ok(())
}

/// The commands of the runbook's third step, as they stand there.
fn commands(runbook: &str) -> Option<String> {
    let (_, section) = runbook.split_once("### Replace a leaked key\n")?;
    let start = section.find("   TF_VARS=")?;
    let (block, _) = section.get(start..)?.split_once("   ```")?;
    Some(block.trim_end().to_owned())
}

/// Runs them as a person would, who reads the fingerprint between the plan and the apply.
fn replace(stack: &Stack, commands: &str) -> anyhow::Result<()> {
    let read =
        "FINGERPRINT=$(sed -n 's/^fingerprint=//p' \"$GITHUB_OUTPUT\")\n   REVIEWED=$FINGERPRINT";
    let commands = commands.replace("REVIEWED=FINGERPRINT", read);
    let script = format!("API_KEYS='{}'\n{commands}", keys(NEW));
    stack.run(&script, &[("REVIEWED", "")])?.ends_with(0)
}
