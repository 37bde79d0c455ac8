//! Additional requirements in CI: scripts/skips.txt must list each skip, and the work tree must be clean.
//!
//! A listed skip that did not occur is not a failure, because machines lack different tools.

use std::fs;
use std::path::Path;

use anyhow::Context as _;

use super::{Counts, Step, count};
use crate::command::{command, output};

const LIST: &str = "scripts/skips.txt";

/// Accepted lines of `git status --ignored`.
const OUTPUT: [&str; 3] = ["!! target/", "!! .run/", "!! .tools/"];

pub(super) struct Verdict {
    pub(super) good: bool,
    /// The lines to print.
    pub(super) report: Vec<String>,
}

impl Verdict {
    fn fail(&mut self, complaint: &str) {
        self.good = false;
        self.report.push(format!("FAILED  {complaint}"));
    }
}

/// The step and the skip of a line `step | skip | reason`.
fn accepted(line: &str) -> Option<(&str, &str)> {
    let mut fields = line.splitn(3, " | ").filter(|field| !field.trim().is_empty());
    let (step, skip, _reason) = (fields.next()?, fields.next()?, fields.next()?);
    Some((step, skip))
}

/// Whether an accepted skip matches this one. `…` matches any text.
fn matches(accepted: &str, skip: &str) -> bool {
    accepted == skip
        || accepted.split_once('…').is_some_and(|(start, end)| {
            skip.strip_prefix(start).is_some_and(|rest| rest.ends_with(end))
        })
}

/// The text of each skip in a log, including skips that are only counted.
fn skips(log: &str) -> Vec<String> {
    let mut skips: Vec<String> = log.lines().filter_map(count::skip).map(str::to_owned).collect();
    if skips.is_empty() {
        let counted =
            log.lines().filter_map(Counts::from_script).filter(|counts| counts.skipped > 0);
        skips.extend(counted.map(|counts| format!("{} skips without a name", counts.skipped)));
    }
    let ignored = log.lines().filter_map(count::from_libtest).filter(|counts| counts.skipped > 0);
    skips.extend(ignored.map(|counts| format!("{} ignored tests", counts.skipped)));
    skips
}

/// Checks the logs of these steps and the work tree.
pub(super) fn judge(root: &Path, steps: &[Step]) -> anyhow::Result<Verdict> {
    let mut verdict = Verdict { good: true, report: Vec::new() };
    let list = fs::read_to_string(root.join(LIST)).context(LIST)?;
    let lines = list.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    for line in lines.clone().filter(|line| accepted(line).is_none()) {
        verdict.fail(&format!("{LIST}: not `step | skip | reason`: {line}"));
    }
    for step in steps {
        let name = step.name;
        let of_step = |(listed, skip)| (listed == name).then_some(skip);
        let listed: Vec<&str> = lines.clone().filter_map(accepted).filter_map(of_step).collect();
        let log = fs::read(step.log(root)).with_context(|| format!("the log of {name}"))?;
        let skips = skips(&String::from_utf8_lossy(&log));
        for skip in skips.iter().filter(|skip| !listed.iter().any(|text| matches(text, skip))) {
            verdict.fail(&format!("{name} skipped what {LIST} does not list: {skip}"));
        }
        for text in listed.iter().filter(|text| !skips.iter().any(|skip| matches(text, skip))) {
            verdict.report.push(format!("listed, but not skipped here: {name} | {text}"));
        }
    }
    let mut status = command("git");
    status.args(["status", "--porcelain", "--ignored"]).current_dir(root);
    let left: Vec<String> = output(&mut status)?
        .lines()
        .filter(|line| !OUTPUT.contains(line))
        .map(str::to_owned)
        .collect();
    if !left.is_empty() {
        verdict.fail(&format!("the work tree is not clean: {}", left.join("\n")));
    }
    Ok(verdict)
}
