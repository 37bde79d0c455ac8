//! Runs the programs that a release needs, except the AWS CLI.

use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};

/// A command from a line that is split at spaces, and arguments that can contain spaces.
///
/// # Panics
///
/// The line is empty. All callers pass a constant.
pub(crate) fn command<'a>(line: &str, arguments: impl IntoIterator<Item = &'a str>) -> Command {
    let mut words = line.split_whitespace();
    let mut command = Command::new(words.next().expect("the line of a caller names a program"));
    command.args(words).args(arguments);
    command
}

/// Runs a command, which must succeed. Its output goes to the terminal.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    let name = name(command);
    let status = command.status().with_context(|| format!("cannot run `{name}`"))?;
    ensure!(status.success(), "{name}: {status}");
    Ok(())
}

/// The standard output of a command that must succeed, without whitespace at its end.
pub(crate) fn output(command: &mut Command) -> anyhow::Result<String> {
    let name = name(command);
    command.stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = command.output().with_context(|| format!("cannot run `{name}`"))?;
    ensure!(output.status.success(), "{name}: {}", output.status);
    let text = String::from_utf8(output.stdout)
        .with_context(|| format!("{name}: its output is not UTF-8"))?;
    Ok(text.trim_end().to_owned())
}

/// The program with its first argument. The other arguments can be long.
fn name(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args().take(1));
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
