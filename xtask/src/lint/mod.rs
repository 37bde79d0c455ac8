//! `make lint`: every static check, one line each.
//!
//! `ok NAME (count)` contains the number of checked files. A check without files is skipped, never passed. With
//! `LINT_STRICT=true` a skipped check fails. CI sets it, because every tool can be installed there. Formatting, clippy
//! and checkov are steps of `make test`.

mod advisories;
mod breaking;
mod checks;
mod guard;
mod tree;

use std::fs;
use std::path::Path;

use clap::builder::PossibleValuesParser;

use crate::command::tail;
use crate::test::Counts;
use crate::tools;

pub use checks::CHECKS;
use tree::Job;
pub use tree::Tree;

/// The reason of a skip.
const NOTHING: &str = "there are no files to check";

/// The result of a check.
#[derive(Debug)]
pub enum Outcome {
    /// No defect in this number of files.
    Passed(usize),
    /// At least one defect. The log shows it.
    Failed,
    /// The check could not run. The text is the reason.
    Skipped(String),
}

impl Outcome {
    fn from_verdict(passed: bool, files: usize) -> Self {
        if passed { Self::Passed(files) } else { Self::Failed }
    }
}

/// A requirement of a check in addition to its files.
#[derive(Debug, Clone, Copy)]
enum Need {
    /// A program on the path or among the pinned tools.
    Program(&'static str),
    /// A package among the pinned tools from npm.
    Npm(&'static str),
    /// A file in the tree.
    File(&'static str),
}

/// How a check examines its files.
#[derive(Debug, Clone, Copy)]
enum Action {
    /// These commands, until one fails. `{files}` is all files, `{file}` runs the command for each file, `{home}` is
    /// the repository with the tools, and `{ops}` its program `ops`.
    Commands(&'static [&'static str]),
    /// A check that needs code.
    Function(fn(&mut Job<'_>) -> anyhow::Result<Outcome>),
}

/// One static check.
#[derive(Debug)]
pub struct Check {
    /// The name on the command line and of the log.
    pub name: &'static str,
    needs: &'static [Need],
    /// The git pathspecs of its files.
    files: &'static [&'static str],
    action: Action,
}

/// Arguments of the command.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The checks to run. Default: all
    #[arg(value_parser = PossibleValuesParser::new(CHECKS.map(|check| check.name)))]
    checks: Vec<String>,
}

/// Runs the checks. Returns whether none failed.
pub fn run(root: &Path, args: &Args) -> anyhow::Result<bool> {
    // If a tool cannot be installed, the checks that need it are skipped.
    tools::install(root, &tools::LINTERS)?;
    let tree = Tree { home: root.to_owned(), root: root.to_owned(), logs: root.join(".run/lint") };
    let strict = std::env::var("LINT_STRICT").is_ok_and(|strict| strict == "true");
    let mut counts = Counts::default();
    for check in &CHECKS {
        if !args.checks.is_empty() && !args.checks.iter().any(|name| name == check.name) {
            continue;
        }
        match tree.check(check)? {
            Outcome::Passed(files) => {
                println!("ok {} ({files})", check.name);
                counts.passed += 1;
            }
            Outcome::Failed => {
                println!("FAIL {}", check.name);
                print!("{}", tail(&fs::read_to_string(tree.log(check))?, 40));
                counts.failed += 1;
            }
            Outcome::Skipped(reason) => {
                println!("SKIPPED: {}: {reason}", check.name);
                *(if strict { &mut counts.failed } else { &mut counts.skipped }) += 1;
            }
        }
    }
    println!("{counts}");
    Ok(counts.failed == 0)
}
