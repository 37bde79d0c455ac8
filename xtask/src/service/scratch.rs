//! A copy of the work tree with its own git history, so that git shows the changes in the copy.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::command::{command, from_line, output, passes, said, tail};

const COMMIT: &str = "git -c user.name=test -c user.email=test@example.com -c commit.gpgsign=false commit --quiet --allow-empty --message copy";

/// The copy.
pub(super) struct Scratch {
    pub(super) folder: PathBuf,
    /// A folder for files outside the copy.
    pub(super) work: PathBuf,
    target: PathBuf,
    ops: PathBuf,
}

impl Scratch {
    /// Copies the tracked and untracked files. An unchanged file in the copy keeps its modification time, so Cargo does
    /// not compile it again.
    pub(super) fn new(root: &Path, work: &Path, target: &Path, ops: &Path) -> anyhow::Result<Self> {
        let folder = work.join("copy");
        let scratch =
            Self { folder, work: work.to_owned(), target: target.to_owned(), ops: ops.to_owned() };
        if scratch.folder.join(".git").exists() {
            scratch.lines(&["git reset --quiet --hard", "git clean -ffdxq"])?;
        } else {
            fs::create_dir_all(&scratch.folder)?;
            scratch.lines(&["git init --quiet"])?;
        }
        let new = files(root)?;
        for old in files(&scratch.folder)?.difference(&new) {
            fs::remove_file(scratch.folder.join(old))?;
        }
        for file in &new {
            update(&root.join(file), &scratch.folder.join(file))?;
        }
        symlink(root.join(".tools"), scratch.folder.join(".tools"))?;
        scratch.lines(&["git add --all", COMMIT])?;
        Ok(scratch)
    }

    fn lines(&self, lines: &[&str]) -> anyhow::Result<()> {
        lines.iter().try_for_each(|line| said(&mut self.command(line)).map(drop))
    }

    /// A command in the copy. Spaces separate the words of the line.
    pub(super) fn command(&self, line: &str) -> Command {
        self.connect(from_line(line))
    }

    /// The program `ops` of the original tree, run in the copy.
    pub(super) fn ops(&self, line: &str) -> Command {
        let mut ops = command(&self.ops);
        ops.args(line.split(' '));
        self.connect(ops)
    }

    /// Makes a command run in the copy.
    pub(super) fn connect(&self, mut command: Command) -> Command {
        command.current_dir(&self.folder).env("CARGO_TARGET_DIR", &self.target);
        command.env_remove("SERVICE");
        command
    }

    /// The files that changed since the copy was made, sorted.
    pub(super) fn changed(&self) -> anyhow::Result<Vec<String>> {
        let status = output(&mut self.command("git status --porcelain --untracked-files=all"))?;
        let mut files: Vec<String> =
            status.lines().filter_map(|line| line.get(3..)).map(str::to_owned).collect();
        files.sort_unstable();
        Ok(files)
    }

    /// Runs the contract tests of a service. They have their own log, because its counts must not be added here.
    pub(super) fn contract(&self, service: &str) -> anyhow::Result<()> {
        let path = self.contract_log(service);
        let log = File::create(&path)?;
        let mut contract = self.command("cargo test --quiet --locked --package contract");
        if passes(contract.env("CONTRACT_SERVICE", service), &log)? {
            return Ok(());
        }
        bail!("{}", tail(&fs::read_to_string(path)?, 40))
    }

    pub(super) fn contract_log(&self, service: &str) -> PathBuf {
        self.work.join(format!("contract-{service}.log"))
    }
}

/// The existing files that are tracked, or untracked and not ignored.
fn files(folder: &Path) -> anyhow::Result<BTreeSet<String>> {
    let mut list = from_line("git ls-files -z --cached --others --exclude-standard");
    let list = output(list.current_dir(folder))?;
    let files = list.split_terminator('\0').filter(|file| folder.join(file).exists());
    Ok(files.map(str::to_owned).collect())
}

/// Copies a file, unless the copy has its content and its mode.
fn update(from: &Path, to: &Path) -> anyhow::Result<()> {
    let content = fs::read(from)?;
    let mode = fs::metadata(from)?.permissions();
    let same = fs::metadata(to).is_ok_and(|old| old.permissions() == mode);
    if !same || fs::read(to)? != content {
        fs::create_dir_all(to.parent().context("a file of the copy is in a folder")?)?;
        fs::write(to, content)?;
        fs::set_permissions(to, mode)?;
    }
    Ok(())
}
