//! Runs terraform/permissions, which compares the permissions of the roles with the recorded calls. A second run plants
//! defects, and must find each one.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, ensure};

use super::Setup;
use super::parallel::each;
use crate::command::{command, tail};
use crate::test::Counts;

pub(super) fn run(setup: &Setup<'_>) -> anyhow::Result<()> {
    let Setup { repository, work, checks, .. } = *setup;
    // The calls of this run, or of the last `prove`.
    let is_own = work.join("default-vpc/calls").exists();
    let folder = if is_own { work.to_owned() } else { repository.join(".run/terraform/prove") };
    each(&[None, Some("seeds")], |argument| {
        let started = Instant::now();
        let name = argument.map_or("permissions".to_owned(), |what| format!("permissions, {what}"));
        let (said, counts) =
            evaluate(repository, &folder, *argument).with_context(|| name.clone())?;
        checks.add(counts);
        let (Counts { passed, failed, .. }, seconds) = (counts, started.elapsed().as_secs());
        println!("{said}{name}: {passed} passed, {failed} failed ({seconds} s)");
        Ok(())
    })
    .map(drop)
}

/// The output of the evaluation and its counts.
fn evaluate(
    repository: &Path,
    folder: &Path,
    argument: Option<&str>,
) -> anyhow::Result<(String, Counts)> {
    let mut evaluation = command(repository.join(".tools/permissions/bin/python"));
    evaluation.arg("terraform/permissions").arg(folder).args(argument).current_dir(repository);
    let output = evaluation.output().context("python")?;
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    let counts =
        text.lines().next_back().and_then(Counts::from_script).with_context(|| tail(&text, 5))?;
    ensure!(output.status.success() == (counts.failed == 0), "{}", tail(&text, 5));
    ensure!(counts.passed + counts.failed > 0, "nothing was checked");
    let (said, _) = text.trim_end().rsplit_once('\n').unwrap_or_default();
    Ok((tail(said, 60), counts))
}
