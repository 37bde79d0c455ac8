//! Child processes and their search path.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::{Context as _, ensure};

/// Variables that `cargo run` sets for this process. A child cargo would see them as a change and rebuild everything.
const SET_BY_CARGO: [&str; 4] = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_PRIMARY_"];

/// A command with the environment of the caller of `cargo xtask`.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for (name, _) in env::vars_os() {
        if SET_BY_CARGO.iter().any(|prefix| name.as_encoded_bytes().starts_with(prefix.as_bytes()))
        {
            command.env_remove(name);
        }
    }
    command
}

/// A command from a line. Spaces separate its words. No shell reads the line.
///
/// # Panics
/// When the line is empty. The lines are constants of this crate.
#[must_use]
pub fn from_line(line: &str) -> Command {
    let mut words = line.split_whitespace();
    let mut command = command(words.next().expect("a line of this crate names a program"));
    command.args(words);
    command
}

/// Runs a command and appends its whole output to `log`. Returns whether it succeeded.
pub fn passes(command: &mut Command, log: &File) -> anyhow::Result<bool> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log.try_clone()?)
        .status()
        .with_context(|| format!("{program} cannot be started"))?;
    Ok(status.success())
}

/// The standard output of a command that must succeed.
pub fn output(command: &mut Command) -> anyhow::Result<String> {
    let (program, output) = run(command)?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program}: {}: {}", output.status, complaint.trim());
    String::from_utf8(output.stdout)
        .with_context(|| format!("{program} printed text that is not UTF-8"))
}

fn run(command: &mut Command) -> anyhow::Result<(String, Output)> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output();
    let output = output.with_context(|| format!("{program} cannot be started"))?;
    Ok((program, output))
}

/// The output of a command on both streams. If the command fails, the error has the same text.
pub fn said(command: &mut Command) -> anyhow::Result<String> {
    let (program, output) = run(command)?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    ensure!(output.status.success(), "{program}: {}\n{said}", output.status);
    Ok(said)
}

/// The search path: the pinned tools of the repository at `root`, the path of the caller, and Debian's folders for
/// servers. The path of an ordinary user lacks those folders.
#[must_use]
pub fn search_path(root: &Path) -> OsString {
    let own = ["python/bin", "bin"].map(|folder| root.join(".tools").join(folder));
    let path = env::var_os("PATH").unwrap_or_default();
    let servers = ["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from);
    let folders = own.into_iter().chain(env::split_paths(&path)).chain(servers);
    env::join_paths(folders).unwrap_or(path)
}

/// Whether a program is in one of the folders of a search path.
#[must_use]
pub fn is_installed(program: &str, path: &OsStr) -> bool {
    env::split_paths(path).any(|folder| folder.join(program).is_file())
}

/// The last lines of a text, indented.
#[must_use]
pub fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.lines().collect();
    let last = &all[all.len().saturating_sub(lines)..];
    last.iter().flat_map(|line| ["    ", line, "\n"]).collect()
}
