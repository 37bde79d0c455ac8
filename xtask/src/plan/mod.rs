//! The plans of terraform/ for the plan review, for its tests, and for the tests of the alarms.
//!
//! The provider plans against an emulated AWS, or against the mocks of `terraform test`, so no account is needed. A
//! plan is also safe for a pull request from a fork. Its configuration can run code (an `external` data source, a
//! provisioner), but there are no credentials to steal.

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
    /// Review the change of terraform/ and write .run/plan-review/review.md
    PlanReview {
        /// Commit to compare with, or a plan as JSON. Default: the branch point from main
        base: Option<String>,
    },
    /// Write the plans for the tests of the plan review
    PlanFixtures {
        /// Names of the plans. Default: all
        names: Vec<String>,
    },
    /// Write the plan of the whole stack from `terraform test`
    PlanJson {
        /// Output file
        #[arg(default_value = "target/plan.json")]
        out: PathBuf,
    },
}

/// Runs the command. `Ok(false)`: a plan breaks a rule or contains a secret. Exit code 69: Terraform is not available.
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

/// Writes the plan of the run `stack` in terraform/tests/observability.tftest.hcl. The inner error is the reason for a
/// skip.
///
/// The mocked provider returns realistic values (the load balancer's suffix, the topics' ARNs), so a test can check
/// that references point to the correct resource.
pub fn json(repository: &Path, out: &Path) -> anyhow::Result<Result<(), String>> {
    let terraform = match Terraform::find(repository)? {
        Ok(terraform) => terraform,
        Err(reason) => return Ok(Err(reason)),
    };
    // Each process has its own folder, because several can run at the same time.
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
        plan.with_context(|| format!("terraform test printed no plan:\n{}", tail(&said, 5)))?;
    let new = folder.join("plan.json");
    fs::write(&new, format!("{plan}\n"))?;
    fs::create_dir_all(out.parent().context("a file without a folder")?)?;
    fs::rename(&new, out)?;
    fs::remove_dir_all(&folder)?;
    Ok(Ok(()))
}

/// Finds the tools for a plan against an emulated AWS. The inner error is the reason for a skip.
fn find(repository: &Path) -> anyhow::Result<Result<Terraform, String>> {
    let terraform = Terraform::find(repository)?;
    if terraform.is_ok() && !emulator::is_available(repository)? {
        return Ok(Err("the emulated AWS could not be installed".to_owned()));
    }
    Ok(terraform)
}

/// A copy of the root at `source`, with a hosted zone of the emulator instead of the example's.
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

/// Runs `ops plan-review`. Returns whether the plan breaks no rule and contains no secret.
fn plan_review(repository: &Path, arguments: &[&Path]) -> anyhow::Result<bool> {
    let status = from_line("cargo run --quiet --locked --package ops -- plan-review")
        .args(arguments)
        .current_dir(repository)
        .status();
    Ok(status.context("cargo cannot be started")?.success())
}

/// A git command in the repository.
fn git(repository: &Path, arguments: &[&str]) -> std::process::Command {
    let mut git = command("git");
    git.args(arguments).current_dir(repository);
    git
}
