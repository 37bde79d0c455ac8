//! The runbook as a tired person reads it: each section has its parts, each command can be pasted anywhere, each change says what
//! it can make worse, and each branch says how it was tried.

use std::collections::BTreeSet;

use contract::list::at_least;
use xtask::runbook::page::{Branch, Page, Section, Tried};

use crate::stack::{data, text};

/// What a section has, in this order. An incident without an alarm has no threshold.
const PARTS: [&str; 7] =
    ["Means", "Impact", "First minute", "Mitigate", "Verify", "Escalate", "Threshold"];
const INCIDENTS: &str = "Incidents without an alarm of their own";

/// The beginnings of commands that change something.
const CHANGES: [&str; 10] = [
    "aws application-autoscaling register-scalable-target",
    "aws ecs stop-task",
    "aws ecs update-service",
    "cargo ops key add",
    "cargo ops key restore",
    "cargo ops key rotate",
    "gh workflow",
    "make aws-deploy",
    "make rollback",
    "terraform -chdir=terraform force-unlock",
];

/// The beginnings of commands that look, and so may stand in a first minute. Helpers are lower-case words.
const LOOKS: [&str; 7] =
    ["date ", "aws ", "curl ", "openssl ", "for topic in $(aws ", "gh run list", "ACCOUNT="];

/// What works in one shell or on one system only, with the reason.
const NOT_EVERYWHERE: [(&str, &str); 12] = [
    ("date -d", "the date of BSD has another option"),
    ("$(date --", "the date of BSD has no long options"),
    ("xargs -r", "an old xargs of BSD does not know it"),
    ("xargs --", "the xargs of BSD has no long options"),
    ("sed -i", "the sed of BSD wants a suffix"),
    ("grep -P", "the grep of BSD does not know it"),
    ("mapfile", "bash 3.2 does not have it"),
    ("declare -A", "bash 3.2 does not have it"),
    ("[[ ", "it differs between shells"),
    ("&>", "it is not POSIX"),
    (",,}", "bash 3.2 does not have it"),
    (" # ", "an interactive zsh takes a comment for words"),
];

fn page() -> Page {
    Page::read(contract::binary::root()).unwrap()
}

fn changes(command: &str) -> bool {
    CHANGES.iter().any(|beginning| command.starts_with(beginning))
}

#[test]
fn every_section_has_every_part_and_the_line_of_its_drill() {
    let page = page();
    let alarms: Vec<&Section> = at_least(18, page.part("Alarms"));
    let incidents: Vec<&Section> = at_least(11, page.part(INCIDENTS));
    for (sections, parts) in [(alarms, &PARTS[..]), (incidents, &PARTS[..6])] {
        for Section { heading, body, .. } in sections {
            let mut rest = body.as_str();
            for part in parts {
                let mark = format!("**{part}.**");
                let at = rest.find(&mark);
                let at = at.unwrap_or_else(|| panic!("{heading}: no {part}, or too early"));
                rest = &rest[at + mark.len()..];
            }
            let drilled: Vec<&str> =
                rest.lines().filter_map(|line| line.strip_prefix("Last drilled: ")).collect();
            assert_eq!(drilled.len(), 1, "{heading}");
            check_drilled(heading, drilled[0]);
        }
    }
}

/// `YYYY-MM-DD, detected in N s, recovered in N s (…make drill)`, or `never: reason`.
fn check_drilled(heading: &str, said: &str) {
    if let Some(reason) = said.strip_prefix("never: ") {
        assert!(reason.len() > 10, "{heading}: why not?");
        return;
    }
    let words: Vec<&str> = said.split([' ', ',']).filter(|word| !word.is_empty()).collect();
    let shape = said.ends_with("make drill)")
        && matches!(words[..], [_, "detected", "in", _, "s", "recovered", "in", _, "s", _, ..]);
    assert!(shape, "{heading}: {said}");
    let numbers = words[0].split('-').chain([words[3], words[7]]);
    let all = numbers.clone().all(|number| number.parse::<f64>().is_ok());
    assert!(numbers.count() == 5 && all, "{heading}: {said}");
}

#[test]
fn a_command_works_in_any_shell_of_linux_and_a_mac() {
    let page = page();
    let commands: Vec<_> = page.sections.iter().flat_map(|s| &s.commands).collect();
    assert!(commands.len() > 120, "{}", commands.len());
    for command in commands {
        for (words, reason) in NOT_EVERYWHERE {
            assert!(!command.contains(words), "{words}: {reason}: {command}");
        }
        // The variables name the region and the service. In text that is read, a name may stand.
        for name in ["us-east-1", "sum-api-production", "/sum-api/production"] {
            let sets = command.starts_with("export ");
            assert!(sets || !command.contains(name), "{name} is a variable: {command}");
        }
        // Thousands of lines are one too many.
        let lines = command.contains("filter-log-events") && !command.contains("REQUEST_ID");
        let bounded = ["| tail -", "| head"].iter().any(|end| command.contains(end));
        assert!(!lines || bounded, "it may print the whole log: {command}");
    }
}

#[test]
fn the_first_minute_only_looks_and_needs_neither_terraform_nor_a_checkout() {
    let page = page();
    let helpers = page.helpers();
    assert_eq!(helpers, BTreeSet::from(["alarms", "q", "stopped", "targets", "task_of"]));
    let mut checked = 0;
    for section in page.part("Alarms").chain(page.part(INCIDENTS)) {
        let first = section.body.split("**First minute.**").nth(1).unwrap();
        let first = first.split("**Mitigate.**").next().unwrap();
        let found = Page::parse(&format!("\n## x\n### x\n{first}")).unwrap();
        for command in &found.sections[0].commands {
            let helper = helpers.contains(command.split(' ').next().unwrap());
            let looks = LOOKS.iter().any(|beginning| command.starts_with(beginning));
            assert!((helper || looks) && !changes(command), "{}: {command}", section.heading);
            checked += 1;
        }
    }
    assert!(checked > 90, "{checked}");
}

#[test]
fn a_change_stands_in_a_block_and_says_what_it_can_make_worse_and_its_undo() {
    let mut checked = 0;
    for section in &page().sections {
        let Section { heading, body, .. } = section;
        if section.commands.iter().any(|command| changes(command)) {
            // An alarm's or an incident's own change has its undo in the paragraph that names it.
            let parts: &[&str] = match section.part.as_str() {
                "Alarms" | INCIDENTS => &["ndo: ", "ndo.** "],
                _ => &["**Undo.** "],
            };
            assert!(parts.iter().any(|part| body.contains(part)), "{heading}: no undo");
            let warns =
                ["make it worse", "o not ", "o undo"].iter().any(|words| body.contains(words));
            assert!(warns, "{heading}: what can it make worse?");
            let procedure = section.part == "Procedures";
            assert!(!procedure || body.contains("**Can make it worse.** "), "{heading}");
            checked += 1;
        }
    }
    assert!(checked >= 12, "{checked}");
}

#[test]
fn a_command_stands_in_a_block_and_not_in_a_sentence() {
    let page = page();
    let mut checked = 0;
    for section in &page.sections {
        let sentences = section.body.split("```").step_by(2).collect::<String>();
        for span in sentences.split('`').skip(1).step_by(2) {
            assert!(!span.starts_with("aws "), "{}: {span}", section.heading);
            checked += 1;
        }
    }
    assert!(checked > 200, "{checked}");
}

/// The names of the drills, from the table of the last one.
fn drills() -> BTreeSet<String> {
    let record = text("docs/drills.md");
    let (_, table) = record.split_once("<!-- drill: begin -->").expect("the table");
    let rows = table.lines().filter_map(|line| line.strip_prefix("| ")?.split(" |").next());
    // The first row is the head.
    at_least(15, rows.skip(1).map(str::to_owned)).into_iter().collect()
}

#[test]
fn every_branch_says_how_it_was_tried_by_names_that_exist() {
    let page = page();
    let drills = drills();
    let mut branches = Vec::new();
    for section in page.part("Alarms").chain(page.part(INCIDENTS)) {
        assert!(!section.branches.is_empty(), "{}", section.heading);
        branches.extend(&section.branches);
    }
    for Branch { text, tried } in &branches {
        match tried {
            Tried::Drill(name) => assert!(drills.contains(name), "no drill {name}: {text}"),
            Tried::Scenario(name) => {
                let file = data("scenarios").join(name).with_extension("json");
                assert!(file.exists(), "no scenario {name}: {text}");
            }
            Tried::Never => {}
        }
    }
    let named: BTreeSet<&str> = branches
        .iter()
        .filter_map(|branch| match &branch.tried {
            Tried::Drill(name) => Some(name.as_str()),
            _ => None,
        })
        .collect();
    let drills: BTreeSet<&str> = drills.iter().map(String::as_str).collect();
    assert_eq!(named, drills, "each drill tries a branch");
    assert!(branches.len() > 90, "{}", branches.len());
}
