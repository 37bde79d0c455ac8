//! Outputs of a workflow step for later steps, and text for the summary of its job.
//!
//! GitHub gives a file for each. A laptop has none, so everything is printed too.

use std::env;
use std::fs::File;
use std::io::Write as _;

use anyhow::Context as _;

/// Prints an output, as `NAME=VALUE`, and passes it to later steps.
pub(crate) fn output(line: &str) -> anyhow::Result<()> {
    hand_on("GITHUB_OUTPUT", line)
}

/// Prints text, and adds it to the summary.
pub(crate) fn summary(text: &str) -> anyhow::Result<()> {
    hand_on("GITHUB_STEP_SUMMARY", text)
}

fn hand_on(variable: &str, text: &str) -> anyhow::Result<()> {
    println!("{text}");
    let Some(path) = env::var_os(variable).filter(|path| !path.is_empty()) else {
        return Ok(());
    };
    let mut file =
        File::options().append(true).create(true).open(path).context("a file of GitHub")?;
    writeln!(file, "{text}").context(variable.to_owned())
}
