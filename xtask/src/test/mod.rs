//! `make test`: every test and proof of this repository, and the sum of their counts.
//!
//! Lanes run in parallel. The output of a step goes to .run/test/NAME.log. The end of the log is printed if the step
//! fails. A check that could not run prints `SKIPPED: name: reason` and counts as skipped, never as passed. With
//! `CI=true` the skips must be listed and the work tree must be clean.

mod count;
mod steps;
pub mod suites;
mod verdict;

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::thread;
use std::time::Instant;

use anyhow::ensure;
use clap::builder::PossibleValuesParser;

pub use count::{Counts, checked};
pub use steps::{Lane, STEPS, Step};

use crate::command::{command, passes, tail};
use crate::{emulator, ops, packages, tools};

/// Arguments of the command.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The steps to run. Default: all
    #[arg(value_parser = PossibleValuesParser::new(STEPS.map(|step| step.name)))]
    steps: Vec<String>,
}

/// Runs the steps. Returns whether all checks passed.
pub fn run(root: &Path, args: &Args) -> anyhow::Result<bool> {
    let started = Instant::now();
    let environment = prepare(root)?;
    println!("prepared in {} s", started.elapsed().as_secs());
    let is_named =
        |step: &&Step| args.steps.is_empty() || args.steps.iter().any(|name| name == step.name);
    let steps: Vec<Step> = STEPS.iter().filter(is_named).copied().collect();
    let ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
    let counts = run_steps(root, &steps, &environment, ci, &|text| print!("{text}"))?;
    Ok(counts.failed == 0)
}

/// Installs and compiles what the steps need. A failure here ends the run.
///
/// Returns the environment variables that tell the steps where the compiled programs are. Cargo lets only one command
/// compile at a time, so lanes that call it would wait for each other.
fn prepare(root: &Path) -> anyhow::Result<Vec<(&'static str, String)>> {
    packages::install(
        root,
        &[
            "nginx",
            "haproxy",
            "ip",
            "iptables",
            "chromium",
            "crun",
            "openssl",
            "curl",
            "jq",
            "gh",
            "pg_createcluster",
            "pgbouncer",
            "redis-server",
            "rabbitmq-server",
            "sqlite3",
            "strace",
            "faketime",
        ],
    )?;
    let install = || {
        ensure!(tools::install(root, &tools::LINTERS)?, "the linters are not installed");
        ensure!(tools::install(root, &["smtp"])?, "the mail server of tests is not installed");
        // Several lanes and the tests of `chassis` share the emulated AWS. Without it, their checks are skipped.
        emulator::is_available(root)
    };
    let work = root.join(".run/test");
    fs::create_dir_all(&work)?;
    // Copy the program, because Cargo replaces the original when it compiles the workspace.
    let xtask = work.join("xtask");
    let _ = fs::remove_file(&xtask);
    fs::copy(std::env::current_exe()?, &xtask)?;
    let suites = thread::scope(|scope| {
        let install = scope.spawn(install);
        let suites = suites::compile(root);
        install.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        suites
    })?;
    let ops = ops::compiled(root, &work)?.to_string_lossy().into_owned();
    let path = std::env::var("PATH").unwrap_or_default();
    let path = format!("{}:{path}", work.display());
    let xtask = xtask.to_string_lossy().into_owned();
    Ok(vec![("PATH", path), ("XTASK", xtask), ("OPS", ops), suites::variable(&suites)?])
}

/// Runs these steps in their lanes and prints their counts. The last line is the sum.
pub fn run_steps(
    root: &Path,
    steps: &[Step],
    environment: &[(&'static str, String)],
    ci: bool,
    print: &(dyn Fn(&str) + Sync),
) -> anyhow::Result<Counts> {
    fs::create_dir_all(root.join(".run/test"))?;
    let run_lane = |lane| -> anyhow::Result<Counts> {
        let (started, mut sum) = (Instant::now(), Counts::default());
        for step in steps.iter().filter(|step| step.lane == lane) {
            sum += run_step(root, step, environment, print)?;
        }
        if sum != Counts::default() {
            print(&format!("lane {lane:?}: {} s\n", started.elapsed().as_secs()));
        }
        Ok(sum)
    };
    let mut sum = thread::scope(|scope| {
        let lanes = Lane::ALL.map(|lane| scope.spawn(move || run_lane(lane)));
        let mut sum = Counts::default();
        for lane in lanes {
            sum += lane.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        }
        anyhow::Ok(sum)
    })?;
    if ci {
        let verdict = verdict::judge(root, steps)?;
        for line in &verdict.report {
            print(&format!("{line}\n"));
        }
        sum.failed += u32::from(!verdict.good);
    }
    print(&format!("{sum}\n"));
    Ok(sum)
}

fn run_step(
    root: &Path,
    step: &Step,
    environment: &[(&'static str, String)],
    print: &dyn Fn(&str),
) -> anyhow::Result<Counts> {
    let started = Instant::now();
    let path = step.log(root);
    let mut log = File::create(&path)?;
    let mut shell = command("bash");
    shell.args(["-c", step.command]).current_dir(root).envs(environment.iter().cloned());
    let passed = passes(&mut shell, &log)?;
    let mut text = String::from_utf8_lossy(&fs::read(&path)?).into_owned();
    let counts = count::checked(&text, passed).or_else(|complaint| {
        writeln!(log, "{complaint}")?;
        text += complaint;
        anyhow::Ok(Counts { failed: 1, ..Counts::default() })
    })?;
    let mut report = format!(
        "{:<12} {:>4} passed {:>3} failed {:>3} skipped {:>5} s\n",
        step.name,
        counts.passed,
        counts.failed,
        counts.skipped,
        started.elapsed().as_secs()
    );
    for skip in text.lines().filter(|line| count::skip(line).is_some()) {
        writeln!(report, "    {skip}")?;
    }
    if counts.failed > 0 {
        writeln!(report, "    --- the end of .run/test/{}.log", step.name)?;
        report += &tail(&text, 60);
    }
    print(&report);
    Ok(counts)
}
