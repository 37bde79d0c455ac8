//! Two changes that a team makes, in scratch copies of this tree: a new service, and another operation in services/sum.
//!
//! Each must work at once, and touch nothing but what docs/adopt.md says. Both copies share the folder target/service, so what
//! was compiled once is not compiled again. Cargo gives the programs of all copies of a tree the same paths, so one copy
//! follows the other, and neither uses the target folder of this tree.

mod names;
mod new;
mod scratch;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, ensure};

use crate::checks::{Checks, equal};
use crate::command::{from_line, said};
use scratch::Scratch;

/// Runs the command; whether nothing failed.
pub fn run(root: &Path) -> anyhow::Result<bool> {
    let work = root.join(".run/service");
    fs::create_dir_all(&work)?;
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    said(from_line("cargo build --quiet --locked --package ops").current_dir(root))?;
    let ops = work.join("ops");
    fs::copy(target.join("debug/ops"), &ops).context("target/debug/ops")?;
    let target = target.join("service");
    let mut checks = Checks::default();
    let copy = Scratch::new(root, &work, "new", &target, &ops)?;
    names::check(&copy, &mut checks)?;
    new::check(root, &copy, &mut checks)?;
    another_operation(&Scratch::new(root, &work, "adopt", &target, &ops)?, &mut checks);
    Ok(checks.finish())
}

/// Another operation in a service that is there.
fn another_operation(copy: &Scratch, checks: &mut Checks) {
    let started = Instant::now();
    let touches_the_service_only = || {
        let changed = copy.changed()?;
        let others: Vec<_> =
            changed.iter().filter(|file| !file.starts_with("services/sum/")).collect();
        ensure!(others.is_empty() && changed.len() >= 6, "{changed:?}");
        Ok(())
    };
    let mut follow = copy.ops("examples --page docs/adopt.md");
    checks.check("docs/adopt.md can be followed", || said(follow.env("SERVICE", "sum")));
    checks.check("it touches files of services/sum/ only", touches_the_service_only);
    check_package(copy, checks, "the result", "sum-api");
    checks.check("the contract holds for the other operation", || copy.contract("sum"));
    report(copy, "sum", "the other operation", started);
    checks.check("it still touches files of services/sum/ only", touches_the_service_only);
}

/// Formats, lints and tests a package of the copy.
fn check_package(copy: &Scratch, checks: &mut Checks, what: &str, package: &str) {
    checks.check(format!("{what} is formatted, and clippy is content"), || {
        said(&mut copy.command(&format!("cargo fmt --check --package {package}")))?;
        let clippy = "cargo clippy --quiet --locked --all-targets --package";
        said(copy.command(&format!("{clippy} {package}")).args(["--", "-D", "warnings"]))
    });
    checks.check(format!("the tests of {package} pass"), || {
        said(&mut copy.command(&format!("cargo test --quiet --locked --package {package}")))
    });
}

/// The counts of the contract, which are no part of this command's own.
fn report(copy: &Scratch, service: &str, what: &str, started: Instant) {
    let log = fs::read_to_string(copy.contract_log(service)).unwrap_or_default();
    let counts = log.lines().find_map(|line| line.strip_prefix("test result: "));
    let seconds = started.elapsed().as_secs();
    println!("        {}; {seconds} s for {what}", counts.unwrap_or("no test"));
}

/// Checks that these files are changed, and no others.
fn check_changed(copy: &Scratch, checks: &mut Checks, name: &str, expected: &[String]) {
    checks.check(name, || equal(expected, &*copy.changed()?));
}
