//! Makes two typical changes in a scratch copy of this tree: a new service, then another operation in services/sum.
//!
//! Each must work immediately and change only the files that docs/adopt.md lists. The copy has its own target folder,
//! target/service, because Cargo uses the same paths for the programs of two copies of a tree.

mod names;
mod new;
mod scratch;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::ensure;

use crate::checks::{Checks, equal};
use crate::command::{command, said};
use crate::ops;
use scratch::Scratch;

/// Runs the command. Returns whether all checks passed.
pub fn run(root: &Path) -> anyhow::Result<bool> {
    let work = root.join(".run/service");
    fs::create_dir_all(&work)?;
    let ops = ops::build(root, &work)?;
    let target = compiled(&ops::target(root), &work)?;
    let checks = Checks::default();
    let copy = Scratch::new(root, &work, &target, &ops)?;
    names::check(&copy, &checks)?;
    new::check(root, &copy, &checks)?;
    another_operation(&Scratch::new(root, &work, &target, &ops)?, &checks);
    Ok(checks.finish())
}

/// The target folder of the copy. A new one starts with the build results of this tree. Cargo reuses the dependencies.
/// It compiles the packages again, because the files of the copy are newer.
fn compiled(target: &Path, work: &Path) -> anyhow::Result<PathBuf> {
    let own = target.join("service");
    if !own.exists() {
        let _ = fs::remove_dir_all(work.join("copy"));
        let new = target.join("service-new");
        let _ = fs::remove_dir_all(&new);
        fs::create_dir(&new)?;
        for profile in ["debug", "release"].map(|name| target.join(name)) {
            if profile.exists() {
                said(command("cp").args(["-a", "--reflink=auto"]).args([&profile, &new]))?;
            }
        }
        fs::rename(new, &own)?;
    }
    Ok(own)
}

/// Adds another operation to an existing service.
fn another_operation(copy: &Scratch, checks: &Checks) {
    let started = Instant::now();
    let touches_the_service_only = || {
        let changed = copy.changed()?;
        let others: Vec<_> =
            changed.iter().filter(|file| !file.starts_with("services/sum/")).collect();
        ensure!(others.is_empty() && changed.len() >= 6, "{changed:?}");
        Ok(())
    };
    let mut follow = copy.ops("examples --page docs/adopt.md");
    checks.check("the steps of docs/adopt.md succeed", || said(follow.env("SERVICE", "sum")));
    checks.check("the steps change only files of services/sum/", touches_the_service_only);
    check_package(copy, checks, "the result", "sum-api");
    checks.check("the contract holds for the other operation", || copy.contract("sum"));
    report(copy, "sum", "the other operation", started);
    checks.check("after the tests, only services/sum/ has changed", touches_the_service_only);
}

/// Formats, lints and tests a package of the copy.
fn check_package(copy: &Scratch, checks: &Checks, what: &str, package: &str) {
    checks.check(format!("{what} is formatted and has no clippy warning"), || {
        said(&mut copy.command(&format!("cargo fmt --check --package {package}")))?;
        let clippy = "cargo clippy --quiet --locked --all-targets --package";
        said(copy.command(&format!("{clippy} {package}")).args(["--", "-D", "warnings"]))
    });
    checks.check(format!("the tests of {package} pass"), || {
        said(&mut copy.command(&format!("cargo test --quiet --locked --package {package}")))
    });
}

/// Prints the counts of the contract tests, which this command does not add to its own.
fn report(copy: &Scratch, service: &str, what: &str, started: Instant) {
    let log = fs::read_to_string(copy.contract_log(service)).unwrap_or_default();
    let counts = log.lines().find_map(|line| line.strip_prefix("test result: "));
    let seconds = started.elapsed().as_secs();
    println!("        {}; {seconds} s for {what}", counts.unwrap_or("no test"));
}

/// Checks that exactly these files have changed.
fn check_changed(copy: &Scratch, checks: &Checks, name: &str, expected: &[String]) {
    checks.check(name, || equal(expected, &*copy.changed()?));
}
