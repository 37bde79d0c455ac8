//! The checks of terraform/ that need no AWS account, and the plan for review.
//!
//! A check that cannot run prints `SKIPPED: name: reason`. The last line counts: `N passed, N failed, N skipped`. The
//! provider is slow and works on one plan at a time, so independent proofs run in threads.

mod checkov;
mod events;
mod life;
mod order;
mod parallel;
mod permissions;
mod plan;
mod prove;
mod refused;
mod root;
mod secret;
mod seeds;
mod suites;
mod timing;
mod variables;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{anyhow, ensure};
use clap::builder::{PossibleValue, PossibleValuesParser};

use crate::checks::Checks;
use crate::command::{command, output};
use crate::emulator::UNAVAILABLE;
use crate::tools;
pub use root::{Root, Terraform, config, text};

/// The root modules. The first one is applied once per account.
const ROOTS: [&str; 2] = ["terraform/bootstrap", "terraform"];

/// Arguments of the command.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// Parts to prove
    #[arg(default_value = ALL, value_parser = PossibleValuesParser::new(names()))]
    proof: String,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Copy a root to a folder and initialise it there. Exit code 69 with the reason without Terraform or provider
    Ready {
        /// Root module
        root: PathBuf,
        /// Folder to replace
        folder: PathBuf,
    },
}

/// The inputs of a proof.
struct Setup<'a> {
    repository: &'a Path,
    terraform: &'a Terraform,
    /// The folder of the proof below .run/.
    work: &'a Path,
    checks: &'a Checks,
}

struct Proof {
    name: &'static str,
    help: &'static str,
    /// Groups of `cargo xtask tools`.
    tools: &'static [&'static str],
    run: fn(&Setup<'_>) -> anyhow::Result<()>,
}

const ALL: &str = "all";
const EMULATOR: &[&str] = &["emulator"];

/// In the order of a run: `checkov` reads the plan that `plan-check` leaves.
const PROOFS: [Proof; 11] = [
    proof("fmt", "The formatting", &[], fmt),
    proof(
        "timing",
        "The timing budget against nginx and the defaults of a service",
        &[],
        timing::run,
    ),
    proof("validate", "Both roots, with the module", &[], validate),
    proof("order", "The required dependencies between resources, in the graph", &[], order::run),
    proof("plan-check", "Compare plan.txt with the output of `plan`", EMULATOR, plan::check),
    proof(
        "checkov",
        "The scanner, on configuration and plan",
        &["emulator", "checkov"],
        checkov::run,
    ),
    proof(
        "test",
        "terraform test with mocked providers, and the values that variables reject",
        &[],
        suites::run,
    ),
    proof(
        "seeds",
        "Plant defects that no emulator shows: a test must find each one",
        &[],
        seeds::run,
    ),
    proof("prove", "The life of both roots against an emulated AWS", EMULATOR, prove::run),
    proof(
        "permissions",
        "Recorded and other calls against the permissions of every role",
        &["permissions"],
        permissions::run,
    ),
    proof(PLAN, "Write plan.txt", EMULATOR, plan::write),
];
const PLAN: &str = "plan";
/// They wait more than they compute, so they run in parallel with the others.
const WAITING: [&str; 2] = ["prove", "permissions"];

const fn proof(
    name: &'static str,
    help: &'static str,
    tools: &'static [&'static str],
    run: fn(&Setup<'_>) -> anyhow::Result<()>,
) -> Proof {
    Proof { name, help, tools, run }
}

fn names() -> impl Iterator<Item = PossibleValue> {
    let all = PossibleValue::new(ALL).help("All of these except `plan`");
    PROOFS.iter().map(|proof| PossibleValue::new(proof.name).help(proof.help)).chain([all])
}

/// Runs the command. Returns whether all checks passed.
pub fn run(repository: &Path, args: &Args) -> anyhow::Result<bool> {
    match &args.command {
        None => prove(repository, &args.proof),
        Some(Command::Ready { root, folder }) => match Terraform::find(repository)? {
            Ok(terraform) => terraform.ready(root, folder).map(|_| true),
            Err(reason) => {
                println!("{reason}");
                std::process::exit(UNAVAILABLE);
            }
        },
    }
}

fn prove(repository: &Path, name: &str) -> anyhow::Result<bool> {
    // Each command has its own folder. The lock allows one run of a command at a time.
    let work = repository.join(".run/terraform").join(name);
    fs::create_dir_all(&work)?;
    let lock = File::create(work.with_extension("lock"))?;
    lock.lock()?;
    let checks = Checks::default();
    let found = Terraform::find(repository)?;
    let run = |proof: &Proof| {
        let result = match &found {
            Ok(terraform) => {
                proof.run(&Setup { repository, terraform, work: &work, checks: &checks })
            }
            Err(reason) => Ok(Some(reason.clone())),
        };
        let name = format!("terraform {}", proof.name);
        match result {
            Ok(None) => {}
            Ok(Some(reason)) => checks.skip(&format!("{name}: {reason}"), 1),
            Err(error) => checks.fail(&name, &format!("{error:#}")),
        }
    };
    let is_wanted = |proof: &&Proof| proof.name == name || (name == ALL && proof.name != PLAN);
    let (waiting, computing): (Vec<_>, Vec<_>) =
        PROOFS.iter().filter(is_wanted).partition(|proof| WAITING.contains(&proof.name));
    thread::scope(|scope| {
        scope.spawn(|| waiting.into_iter().for_each(run));
        computing.into_iter().for_each(run);
    });
    Ok(checks.finish())
}

impl Proof {
    /// Returns the reason if the tools of the proof cannot be installed.
    fn run(&self, setup: &Setup<'_>) -> anyhow::Result<Option<String>> {
        if !tools::install(setup.repository, self.tools)? {
            return Ok(Some(format!("{} could not be installed", self.tools.join(" or "))));
        }
        (self.run)(setup).map(|()| None)
    }
}

fn fmt(setup: &Setup<'_>) -> anyhow::Result<()> {
    let mut list = command("git");
    list.args(["ls-files", "terraform/*.tf", "terraform/*.hcl"]);
    let files = output(list.current_dir(setup.repository))?.lines().count();
    ensure!(files >= 20, "only {files} files were found");
    let mut fmt = command("terraform");
    fmt.args(["fmt", "-check", "-recursive", "-diff", "terraform"]);
    // Ignore the user's configuration.
    fmt.env("TF_CLI_CONFIG_FILE", "/dev/null");
    let result = fmt.current_dir(setup.repository).output()?;
    let formatted = if result.status.success() { Ok(()) } else { Err(anyhow!(text(&result))) };
    setup.checks.check(format!("fmt: {files} files"), || formatted);
    Ok(())
}

fn validate(setup: &Setup<'_>) -> anyhow::Result<()> {
    for name in ROOTS {
        let folder = setup.work.join("validate").join(name);
        let root = setup.terraform.ready(&setup.repository.join(name), &folder)?;
        let valid = root.run(&["validate", "-no-color"]);
        setup.checks.check(format!("validate: {name}"), || valid);
    }
    Ok(())
}
