//! The plans of terraform/ that are read: by the plan review, by its tests, and by the tests of the alarms.
//!
//! No account is needed: the provider plans against an emulated AWS, or against the mocks of `terraform test`. So a plan
//! is safe for a pull request from a fork, whose configuration may run code of its own (an `external` data source, a
//! provisioner): there is nothing here that it could take.

mod changes;
mod fixtures;
mod layout;
mod review;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};

use crate::command::{command, from_line, tail};
use crate::emulator::{self, Emulator, UNAVAILABLE};
use crate::terraform::{Root, Terraform, text};

/// The variables of a plan.
const VARIABLES: &str = "-var-file=terraform.tfvars.example";

/// The commands.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Say what the change of terraform/ means, in .run/plan-review/review.md
    PlanReview {
        /// Commit to compare with, or a plan as JSON; the branch point from main when missing
        base: Option<String>,
    },
    /// Write the plans that the plan review is tested with
    PlanFixtures {
        /// All of them when missing
        names: Vec<String>,
    },
    /// Write the plan of the whole stack that `terraform test` makes
    PlanJson {
        /// Where to
        #[arg(default_value = "target/plan.json")]
        out: PathBuf,
    },
}

/// Runs the command; `Ok(false)` means that a plan breaks a rule or holds a secret. Exit code 69: Terraform cannot be had.
pub fn run(repository: &Path, command: &Command) -> anyhow::Result<bool> {
    let (name, result) = match command {
        Command::PlanReview { base } => ("plan-review", review::run(repository, base.as_deref())?),
        Command::PlanFixtures { names } => ("plan-fixtures", fixtures::run(repository, names)?),
        Command::PlanJson { out } => ("plan", json(repository, out)?.map(|()| true)),
    };
    result.or_else(|reason| {
        println!("SKIPPED: {name}: {reason}");
        std::process::exit(UNAVAILABLE)
    })
}

/// Writes the plan of the run `stack` in terraform/tests/observability.tftest.hcl; else the reason why it cannot.
///
/// The mocked provider answers there what AWS would (the load balancer's suffix, the topics' ARNs), so that what refers to
/// them can be seen to refer to the right one.
pub fn json(repository: &Path, out: &Path) -> anyhow::Result<Result<(), String>> {
    let terraform = match Terraform::find(repository)? {
        Ok(terraform) => terraform,
        Err(reason) => return Ok(Err(reason)),
    };
    // Not a folder in which another command may be at work.
    let folder = repository.join(".run/plan-json").join(std::process::id().to_string());
    let root = terraform.ready(&repository.join("terraform"), &folder.join("root"))?;
    let filter = "-filter=tests/observability.tftest.hcl";
    let output = root.output(None, &["test", "-json", "-verbose", VARIABLES, filter])?;
    let said = text(&output);
    let is_plan = |line: &&str| {
        line.contains(r#""@testrun":"stack""#) && line.contains(r#""type":"test_plan""#)
    };
    let plan = said.lines().find(is_plan);
    let plan =
        plan.with_context(|| format!("no plan came out of terraform test:\n{}", tail(&said, 5)))?;
    let new = folder.join("plan.json");
    fs::write(&new, format!("{plan}\n"))?;
    fs::create_dir_all(out.parent().context("a file without a folder")?)?;
    fs::rename(&new, out)?;
    fs::remove_dir_all(&folder)?;
    Ok(Ok(()))
}

/// The tools of a plan against an emulated AWS; else the reason why there is none.
fn find(repository: &Path) -> anyhow::Result<Result<Terraform, String>> {
    let terraform = Terraform::find(repository)?;
    if terraform.is_ok() && !emulator::is_available(repository)? {
        return Ok(Err("the emulated AWS could not be installed".to_owned()));
    }
    Ok(terraform)
}

/// A copy of the root at `source`, with a hosted zone of the emulator's in place of the example's.
fn ready(terraform: &Terraform, source: &Path, folder: &Path, zone: &str) -> anyhow::Result<Root> {
    let root = terraform.ready(source, folder)?;
    let variables = folder.join("terraform.tfvars.example");
    let example = fs::read_to_string(&variables)?;
    fs::write(&variables, example.replace("Z0123456789EXAMPLE", zone))?;
    Ok(root)
}

fn apply(root: &Root, emulator: &Emulator) -> anyhow::Result<()> {
    let arguments = ["apply", "-no-color", "-auto-approve", "-compact-warnings", VARIABLES];
    root.run_in(Some(emulator), &arguments).map(drop)
}

/// Writes a plan as JSON.
fn plan(root: &Root, emulator: &Emulator, arguments: &[&str], out: &Path) -> anyhow::Result<()> {
    let fixed =
        ["plan", "-no-color", "-refresh=false", "-compact-warnings", "-out=plan", VARIABLES];
    root.run_in(Some(emulator), &[&fixed[..], arguments].concat())?;
    let shown = root.output(Some(emulator), &["show", "-json", "plan"])?;
    ensure!(shown.status.success(), "terraform show: {}", text(&shown));
    Ok(fs::write(out, shown.stdout)?)
}

/// `ops plan-review`; whether the plan breaks no rule and holds no secret.
fn plan_review(repository: &Path, arguments: &[&Path]) -> anyhow::Result<bool> {
    let status = from_line("cargo run --quiet --locked --package ops -- plan-review")
        .args(arguments)
        .current_dir(repository)
        .status();
    Ok(status.context("cargo cannot be started")?.success())
}

/// Git, in the repository.
fn git(repository: &Path, arguments: &[&str]) -> std::process::Command {
    let mut git = command("git");
    git.args(arguments).current_dir(repository);
    git
}
