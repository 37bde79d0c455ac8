//! The checked tree, and the run of one check on it.

use std::env;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;

use super::{Action, Check, NOTHING, Need, Outcome};
use crate::command::{command, from_line, is_installed, output, passes, search_path};

/// A git work tree. The checks read its tracked and untracked files, but no ignored ones.
#[derive(Debug)]
pub struct Tree {
    /// The repository with the tools and the configuration of the linters.
    pub home: PathBuf,
    /// The checked tree. In the tests with planted defects, it differs from the tree with the tools.
    pub root: PathBuf,
    /// The folder for the output of each check.
    pub logs: PathBuf,
}

impl Tree {
    /// The file with the output of a check.
    #[must_use]
    pub fn log(&self, check: &Check) -> PathBuf {
        self.logs.join(check.name).with_extension("log")
    }

    /// Runs a check.
    pub fn check(&self, check: &Check) -> anyhow::Result<Outcome> {
        fs::create_dir_all(&self.logs)?;
        let log = File::create(self.log(check))?;
        if let Some(reason) = check.needs.iter().find_map(|need| self.lacks(*need)) {
            return Ok(Outcome::Skipped(reason));
        }
        let files = self.files(check.files)?;
        if files.is_empty() {
            return Ok(Outcome::Skipped(NOTHING.to_owned()));
        }
        let mut job = Job { tree: self, files, log };
        let outcome = match check.action {
            Action::Commands(lines) => job.run_all(lines),
            Action::Function(function) => function(&mut job),
        };
        outcome.or_else(|error| {
            writeln!(job.log, "{error:#}")?;
            Ok(Outcome::Failed)
        })
    }

    fn lacks(&self, need: Need) -> Option<String> {
        let package = |name| self.home.join(".tools/npm/node_modules").join(name);
        match need {
            Need::Program(name) if !is_installed(name, &search_path(&self.home)) => {
                Some(format!("{name} is not installed (run `cargo xtask tools` to see why)"))
            }
            Need::Npm(name) if !package(name).is_dir() => {
                Some(format!("{name} is not installed (run `cargo xtask tools` to see why)"))
            }
            Need::File(name) if !self.root.join(name).is_file() => {
                Some(format!("there is no {name}"))
            }
            _ => None,
        }
    }

    /// Tracked files, and new files that git does not ignore. Deleted files are omitted.
    pub(super) fn files(&self, pathspecs: &[&str]) -> anyhow::Result<Vec<String>> {
        let mut list = command("git");
        list.args(["ls-files", "--cached", "--others", "--exclude-standard", "-z", "--"]);
        let names = output(list.args(pathspecs).current_dir(&self.root))?;
        let files = names.split_terminator('\0').filter(|name| self.root.join(name).is_file());
        Ok(files.map(str::to_owned).collect())
    }
}

/// A running check.
pub(super) struct Job<'a> {
    pub(super) tree: &'a Tree,
    pub(super) files: Vec<String>,
    pub(super) log: File,
}

impl Job<'_> {
    /// A command in the tree, with the pinned tools on its path. Spaces separate the words of the line.
    pub(super) fn command(&self, line: &str) -> Command {
        let home = self.tree.home.to_string_lossy();
        let ops = env::var("OPS").unwrap_or_else(|_| {
            format!("cargo run --quiet --locked --manifest-path {home}/Cargo.toml --package ops --")
        });
        let mut command = from_line(&line.replace("{home}", &home).replace("{ops}", &ops));
        command.current_dir(&self.tree.root).env("PATH", search_path(&self.tree.home));
        command
    }

    /// Runs a command with its output in the log. Returns whether it succeeded.
    pub(super) fn passes(&self, command: &mut Command) -> anyhow::Result<bool> {
        passes(command, &self.log)
    }

    fn run_all(&self, lines: &[&str]) -> anyhow::Result<Outcome> {
        for line in lines {
            let passed = if let Some(line) = line.strip_suffix(" {file}") {
                self.each(|file| self.passes(self.command(line).arg(file)))?
            } else if let Some(line) = line.strip_suffix(" {files}") {
                self.passes(self.command(line).args(&self.files))?
            } else {
                self.passes(&mut self.command(line))?
            };
            if !passed {
                return Ok(Outcome::Failed);
            }
        }
        Ok(Outcome::Passed(self.files.len()))
    }

    /// Checks every file, also after a failure.
    pub(super) fn each(&self, look: impl Fn(&str) -> anyhow::Result<bool>) -> anyhow::Result<bool> {
        let mut passed = true;
        for file in &self.files {
            passed &= look(file)?;
        }
        Ok(passed)
    }
}
