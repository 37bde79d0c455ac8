//! Programs that a release calls, beside the AWS CLI.

use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};

/// A command from words between spaces, and arguments that may have spaces.
///
/// # Panics
///
/// The line is empty. The lines are constants of this module's callers.
pub(crate) fn command<'a>(line: &str, arguments: impl IntoIterator<Item = &'a str>) -> Command {
    let mut words = line.split_whitespace();
    let mut command = Command::new(words.next().expect("the line of a caller names a program"));
    command.args(words).args(arguments);
    command
}

/// Runs a command, which shows what it prints and has to succeed.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    let name = name(command);
    let status = command.status().with_context(|| format!("cannot run `{name}`"))?;
    ensure!(status.success(), "{name}: {status}");
    Ok(())
}

/// The standard output of a command that has to succeed, without the end of its last line.
pub(crate) fn output(command: &mut Command) -> anyhow::Result<String> {
    let name = name(command);
    command.stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = command.output().with_context(|| format!("cannot run `{name}`"))?;
    ensure!(output.status.success(), "{name}: {}", output.status);
    let text = String::from_utf8(output.stdout).with_context(|| format!("{name}: no UTF-8"))?;
    Ok(text.trim_end().to_owned())
}

/// The program with its first argument. What follows may be long.
fn name(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args().take(1));
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
