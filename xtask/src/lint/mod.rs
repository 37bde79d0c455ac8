//! `make lint`: every static check, one line each.
//!
//! `ok NAME (count)` says how many files a check looked at. A check that looked at nothing is skipped, never passed. With
//! `LINT_STRICT=true`, as in CI, where every tool can be had, a skipped check fails. Formatting, clippy and checkov are
//! steps of `make test`.

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
const NOTHING: &str = "there is nothing to look at";

/// What a check found.
#[derive(Debug)]
pub enum Outcome {
    /// Nothing, in so many files.
    Passed(usize),
    /// At least one defect. The log says which.
    Failed,
    /// It could not run, for this reason.
    Skipped(String),
}

impl Outcome {
    fn from_verdict(passed: bool, files: usize) -> Self {
        if passed { Self::Passed(files) } else { Self::Failed }
    }
}

/// What a check needs beside its files.
#[derive(Debug, Clone, Copy)]
enum Need {
    /// A program, here or among the pinned tools.
    Program(&'static str),
    /// A package among the pinned tools from npm.
    Npm(&'static str),
    /// A file in the tree.
    File(&'static str),
}

/// How a check looks at its files.
#[derive(Debug, Clone, Copy)]
enum Action {
    /// These commands, as long as they pass. `{files}` stands for all files, `{file}` runs the command for each one,
    /// `{home}` is the repository with the tools, and `{ops}` its program `ops`.
    Commands(&'static [&'static str]),
    /// What one command cannot say.
    Function(fn(&mut Job<'_>) -> anyhow::Result<Outcome>),
}

/// One static check.
#[derive(Debug)]
pub struct Check {
    /// The name on the command line, and of the log.
    pub name: &'static str,
    needs: &'static [Need],
    /// Git's pathspecs of what it looks at.
    files: &'static [&'static str],
    action: Action,
}

/// Arguments of the command.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The checks to run; all without a name
    #[arg(value_parser = PossibleValuesParser::new(CHECKS.map(|check| check.name)))]
    checks: Vec<String>,
}

/// Runs the checks; whether none failed.
pub fn run(root: &Path, args: &Args) -> anyhow::Result<bool> {
    // What cannot be installed is a skip of the checks that need it.
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
