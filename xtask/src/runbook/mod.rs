//! The runbook, counted: the table of sections, of the commands that the emulated AWS answers, and of the branches that were tried.
//!
//! Nobody keeps this table by hand. `cargo xtask runbook` prints it from the page, and the step `deploy` runs every command that
//! it counts as run, so a figure that is wrong fails there.

pub mod page;

use std::fmt::Write as _;
use std::path::Path;

use page::{Page, Section, Tried, helper};

/// The beginnings of the commands that are not run against the emulator, each with the reason.
pub const NOT_RUN: [(&str, &str); 11] = [
    ("aws cloudwatch describe-alarm-history ", "the emulator keeps no history of alarms"),
    ("aws cloudtrail lookup-events ", "the emulator records no events"),
    ("aws service-quotas get-service-quota ", "the emulator knows no quota of Fargate"),
    (
        "aws application-autoscaling describe-scaling-activities ",
        "the emulator never scales, and has no such call",
    ),
    ("gh ", "there is no GitHub here: the commands of GitHub's client are read by a person"),
    ("curl ", "the emulator resolves no name and serves no request"),
    ("openssl s_client ", "the emulator listens to no TLS"),
    ("make rollback", "the step deploy runs `cargo ops deploy rollback`, which is all of it"),
    ("make aws-deploy", "the step deploy runs it on a laptop of its own"),
    ("cargo ops deploy drift", "the step deploy runs it before it makes an incident"),
    ("terraform -chdir=terraform force-unlock ", "nobody kills the Terraform of a proof"),
];

/// The line of the list that keeps a command from being run; nothing for one that is run.
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

/// The sections that have commands or branches, and their sums.
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
    // A helper is run where it is used.
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
    fn the_table_counts_and_adds() {
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
