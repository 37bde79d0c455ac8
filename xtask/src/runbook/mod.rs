//! Counts the runbook: for each section, the commands that run against the emulated AWS and the tested branches.
//!
//! `cargo xtask runbook` prints the table from the page. The step `deploy` runs every command that the table counts as
//! run, so a wrong figure fails there.

pub mod page;

use std::fmt::Write as _;
use std::path::Path;

use page::{Page, Section, Tried, helper};

/// The beginnings of the commands that are not run against the emulator, each with the reason.
pub const NOT_RUN: [(&str, &str); 11] = [
    ("aws cloudwatch describe-alarm-history ", "the emulator keeps no history of alarms"),
    ("aws cloudtrail lookup-events ", "the emulator records no events"),
    ("aws service-quotas get-service-quota ", "the emulator has no quota of Fargate"),
    (
        "aws application-autoscaling describe-scaling-activities ",
        "the emulator never scales and lacks this call",
    ),
    ("gh ", "there is no GitHub here: a person checks the commands of GitHub's client"),
    ("curl ", "the emulator resolves no name and serves no request"),
    ("openssl s_client ", "the emulator has no TLS listener"),
    ("make rollback", "the step deploy runs `cargo ops deploy rollback`, which does the same"),
    ("make aws-deploy", "the step deploy runs it in the part `laptop`"),
    ("cargo ops deploy drift", "the step deploy runs it before the incident"),
    ("terraform -chdir=terraform force-unlock ", "the drill apply-cut-off runs it"),
];

/// The line of the list that matches a command. `None` if the command is run.
#[must_use]
pub fn not_run(command: &str) -> Option<(&'static str, &'static str)> {
    NOT_RUN.into_iter().find(|(beginning, _)| command.starts_with(beginning))
}

/// Prints the table.
///
/// # Errors
/// When the page cannot be read.
pub fn run(root: &Path) -> anyhow::Result<bool> {
    print!("{}", table(&Page::read(root)?));
    Ok(true)
}

/// The table of the sections with commands or branches, and the sums.
#[must_use]
pub fn table(page: &Page) -> String {
    let mut text = String::from(
        "| section | commands | run | not run | branches | by a drill | by a scenario | untried | last drill |\n|---|---:|---:|---:|---:|---:|---:|---:|---|\n",
    );
    let mut sums = [0; 7];
    for section in &page.sections {
        let counts = counts(section);
        if counts.iter().all(|count| *count == 0) {
            continue;
        }
        let drilled = section.drilled().unwrap_or("–");
        row(&mut text, &section.heading, counts, drilled);
        for (sum, count) in sums.iter_mut().zip(counts) {
            *sum += count;
        }
    }
    row(&mut text, "**sum**", sums, "");
    text
}

fn row(text: &mut String, name: &str, counts: [usize; 7], last: &str) {
    let counts = counts.map(|count| count.to_string()).join(" | ");
    // Writing to a String cannot fail.
    let _ = writeln!(text, "| {name} | {counts} | {last} |");
}

/// Commands: all, run and not run. Branches: all, by a drill, by a scenario and untried.
fn counts(section: &Section) -> [usize; 7] {
    // A helper runs where it is used.
    let commands = section.commands.iter().filter(|command| helper(command).is_none());
    let (listed, run): (Vec<_>, Vec<_>) = commands.partition(|command| not_run(command).is_some());
    let tried = |wanted: fn(&Tried) -> bool| {
        section.branches.iter().filter(|branch| wanted(&branch.tried)).count()
    };
    [
        run.len() + listed.len(),
        run.len(),
        listed.len(),
        section.branches.len(),
        tried(|tried| matches!(tried, Tried::Drill(_))),
        tried(|tried| matches!(tried, Tried::Scenario(_))),
        tried(|tried| *tried == Tried::Never),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_has_counts_and_sums() {
        let page = Page::parse("x\n## Alarms\n\n### a\n\n**First minute.**\n\n```sh\naws ecs x\ngh x\n```\n\n- One. *(untried)*\n- Two. *(drill: x)*\n\n**Mitigate.** x\n\nLast drilled: never: x\n\n### b\n\nText.\n\n### c\n\n```sh\ncurl x\n```\n").unwrap();
        let rows: Vec<_> = table(&page).lines().skip(2).map(str::to_owned).collect();
        assert_eq!(
            rows,
            [
                "| a | 2 | 1 | 1 | 2 | 1 | 0 | 1 | never: x |",
                "| c | 1 | 0 | 1 | 0 | 0 | 0 | 0 | – |",
                "| **sum** | 3 | 1 | 2 | 2 | 1 | 0 | 1 |  |",
            ]
        );
    }
}
