//! A copy of the tree as it is, with a history of its own, so that Git tells what changed in it.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::bail;

use crate::command::{command, from_line, output, passes, said, tail};

const COMMIT: &str = "git -c user.name=test -c user.email=test@example.com -c commit.gpgsign=false commit --quiet --message copy";

/// The copy.
pub(super) struct Scratch {
    pub(super) folder: PathBuf,
    /// For files that are no part of the copy.
    pub(super) work: PathBuf,
    target: PathBuf,
    ops: PathBuf,
}

impl Scratch {
    /// Copies what Git knows or would add. The modification times stay, because Cargo compares them.
    pub(super) fn new(
        root: &Path,
        work: &Path,
        name: &str,
        target: &Path,
        ops: &Path,
    ) -> anyhow::Result<Self> {
        let folder = work.join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder)?;
        let mut list = from_line("git ls-files -z --cached --others --exclude-standard");
        let list = output(list.current_dir(root))?;
        let files = list.split_terminator('\0').filter(|file| root.join(file).exists());
        let mut copy =
            from_line("cp --parents --preserve=mode,timestamps,links --target-directory");
        said(copy.arg(&folder).args(files).current_dir(root))?;
        symlink(root.join(".tools"), folder.join(".tools"))?;
        let scratch =
            Self { folder, work: work.to_owned(), target: target.to_owned(), ops: ops.to_owned() };
        for line in ["git init --quiet", "git add --all", COMMIT] {
            said(&mut scratch.command(line))?;
        }
        Ok(scratch)
    }

    /// A command from words between spaces, in the copy.
    pub(super) fn command(&self, line: &str) -> Command {
        self.connect(from_line(line))
    }

    /// `ops` of the original, in the copy.
    pub(super) fn ops(&self, line: &str) -> Command {
        let mut ops = command(&self.ops);
        ops.args(line.split(' '));
        self.connect(ops)
    }

    /// Lets a command run in the copy.
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

    /// Runs the contract of a service. Its log stays apart, because it counts.
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
