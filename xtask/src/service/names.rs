//! Invalid names, and faults while `ops service create` runs. No file may remain afterwards.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, ensure};

use super::scratch::Scratch;
use crate::checks::{Checks, equal};
use crate::command::{command, said};

const NAMES: [&str; 23] = [
    "",
    "Orders",
    "my_orders",
    "1st",
    "a-name-of-17-char",
    "orders-",
    "my--orders",
    "../orders",
    "nginx",
    "sum",
    "sum-api",
    "x-nginx",
    "test",
    "core",
    "fn",
    "deps",
    "chassis",
    "hyper",
    "serde-json",
    "aws-orders",
    "ssm",
    "internal",
    "sg-1",
];
/// The exit code of an invalid argument.
const USAGE: i32 = 64;

pub(super) fn check(copy: &Scratch, checks: &Checks) -> anyhow::Result<()> {
    for name in NAMES {
        checks.check(format!("the name '{name}' is refused, and nothing is written"), || {
            let output = copy.ops("service create").arg(name).output()?;
            let text =
                String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
            equal(&Some(USAGE), &output.status.code()).context(text.clone())?;
            ensure!(text.lines().count() == 1, "{text}");
            is_untouched(copy)
        });
    }
    for signal in ["INT", "TERM", "HUP"] {
        checks.check(format!("after SIG{signal} no file remains"), || interrupt(copy, signal));
    }
    // The last rename fails, because the fake Cargo creates the folder of the service.
    let cargo = fake_cargo(copy, "mkdir -p services/my-orders/x\nexec cargo \"$@\"")?;
    checks.check("a fault at the last step undoes the earlier steps", || {
        let output = copy.ops("service create my-orders").env("CARGO", cargo).output()?;
        ensure!(!output.status.success(), "it succeeded");
        fs::remove_dir_all(copy.folder.join("services/my-orders"))?;
        is_untouched(copy)
    });
    Ok(())
}

fn is_untouched(copy: &Scratch) -> anyhow::Result<()> {
    equal(&Vec::<String>::new(), &copy.changed()?)?;
    let left = fs::read_dir(copy.folder.join(".run")).map_or(0, Iterator::count);
    ensure!(left == 0, "{left} files in .run");
    Ok(())
}

/// Sends a signal while Cargo writes the lock file. The fake Cargo never ends.
fn interrupt(copy: &Scratch, signal: &str) -> anyhow::Result<()> {
    let runs = copy.work.join("cargo-runs");
    let _ = fs::remove_file(&runs);
    let cargo = fake_cargo(copy, &format!("touch '{}'\nexec sleep 60", runs.display()))?;
    let mut create = copy.ops("service create my-orders");
    let mut ops = create.env("CARGO", cargo).stderr(Stdio::null()).spawn()?;
    for _ in 0..100 {
        if runs.exists() {
            break;
        }
        thread::sleep(Duration::from_millis(50));
    }
    said(command("kill").args(["-s", signal, &ops.id().to_string()]))?;
    let status = ops.wait()?;
    ensure!(runs.exists(), "Cargo was not called");
    ensure!(!status.success(), "it succeeded");
    is_untouched(copy)
}

fn fake_cargo(copy: &Scratch, script: &str) -> anyhow::Result<PathBuf> {
    let cargo = copy.work.join("cargo");
    fs::write(&cargo, format!("#!/bin/sh\n{script}\n"))?;
    fs::set_permissions(&cargo, Permissions::from_mode(0o755))?;
    Ok(cargo)
}
