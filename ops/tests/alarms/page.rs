//! The runbook for a tired reader. Each section has all its parts, and each command can be pasted in any shell. Each
//! change has a warning and an undo, and each branch names the drill or scenario that tried it.

use std::collections::BTreeSet;

use contract::list::at_least;
use xtask::runbook::page::{Branch, Page, Section, Tried};

use crate::stack::data;

/// The parts of a section, in this order. An incident without an alarm has no threshold.
const PARTS: [&str; 7] =
    ["Means", "Impact", "First minute", "Mitigate", "Verify", "Escalate", "Threshold"];
const INCIDENTS: &str = "Incidents without an alarm";

/// The beginnings of commands that change state.
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

/// The beginnings of read-only commands, which are allowed in a first minute. Helpers are lower-case words.
const LOOKS: [&str; 7] =
    ["date ", "aws ", "curl ", "openssl ", "for topic in $(aws ", "gh run list", "ACCOUNT="];

/// The placeholders that the reader replaces.
const FILLED_IN: [&str; 10] = [
    "ADDRESS",
    "CERTIFICATE_ARN",
    "CLIENT",
    "COUNT",
    "LOCK_ID",
    "REQUEST_ID",
    "REVISION_ARN",
    "TASK",
    "TASK_DEFINITION_ARN",
    "ZONE_ID",
];

/// Parts of commands that fail in some shell or on some system, with the reason.
const NOT_EVERYWHERE: [(&str, &str); 12] = [
    ("date -d", "the date of BSD has another option"),
    ("$(date --", "the date of BSD has no long options"),
    ("xargs -r", "an old xargs of BSD does not support it"),
    ("xargs --", "the xargs of BSD has no long options"),
    ("sed -i", "the sed of BSD requires a suffix"),
    ("grep -P", "the grep of BSD does not support it"),
    ("mapfile", "bash 3.2 does not have it"),
    ("declare -A", "bash 3.2 does not have it"),
    ("[[ ", "it differs between shells"),
    ("&>", "it is not POSIX"),
    (",,}", "bash 3.2 does not have it"),
    (" # ", "an interactive zsh passes a comment as arguments"),
];

fn page() -> Page {
    Page::read(contract::binary::root()).unwrap()
}

fn changes(command: &str) -> bool {
    CHANGES.iter().any(|beginning| command.starts_with(beginning))
}

#[test]
fn section_has_all_parts_and_a_drill_line() {
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
                rest.lines().filter(|line| line.starts_with("Last drilled: ")).collect();
            assert_eq!(drilled.len(), 1, "{heading}");
            check_drilled(heading, drilled[0]);
        }
    }
}

/// Expects `Last drilled: YYYY-MM-DD (emulated): detected FIGURE; recovered FIGURE (drill: NAME)`, or `never: reason`.
fn check_drilled(heading: &str, line: &str) {
    let said = line.strip_prefix("Last drilled: ").unwrap_or_default();
    if let Some(reason) = said.strip_prefix("never: ") {
        assert!(reason.len() > 10, "{heading}: the reason is too short");
        return;
    }
    let figures = said.strip_suffix(')').and_then(|said| {
        let (said, drill) = said.rsplit_once(" (drill: ")?;
        assert!(drills().contains(drill), "{heading}: there is no drill {drill}");
        let (date, figures) = said.split_once(" (emulated): ")?;
        let numbers: Vec<&str> = date.split('-').collect();
        let is_date = numbers.len() == 3 && numbers.iter().all(|n| n.parse::<u32>().is_ok());
        is_date.then_some(figures)?.split_once("; ")
    });
    let (detected, recovered) = figures.unwrap_or_else(|| panic!("{heading}: {line}"));
    for (figure, verb) in [(detected, "detected"), (recovered, "recovered")] {
        let text = figure.strip_prefix(verb).unwrap_or_default();
        let seconds = text.strip_prefix(" in ").map(|text| text.trim_end_matches(" (computed)"));
        let measured = seconds.and_then(|text| {
            text.trim_start_matches("under ").strip_suffix(" s")?.parse::<f64>().ok()
        });
        let reason = text.strip_prefix(": not measured: ").is_some_and(|why| why.len() > 10);
        assert!(
            measured.is_some() || reason,
            "{heading}: {figure:?} is neither a figure nor a reason"
        );
    }
}

#[test]
fn drill_line_has_figures_or_a_reason() {
    let good = "Last drilled: 2026-01-02 (emulated): detected in 61 s (computed); recovered: not measured: no request failed (drill: api-slow)";
    check_drilled("a", good);
    check_drilled("a", "Last drilled: never: nobody can cause it here");
    for (good_part, bad) in [
        (" (emulated)", ""),
        ("61 s", "a minute"),
        (": no request failed", ""),
        (" (drill: api-slow)", ""),
        ("api-slow", "x"),
        ("2026-01-02", "yesterday"),
    ] {
        let line = good.replacen(good_part, bad, 1);
        let refused = std::panic::catch_unwind(|| check_drilled("a", &line));
        assert!(refused.is_err(), "{line}");
    }
}

#[test]
fn command_works_in_any_shell_on_linux_and_macos() {
    let page = page();
    let commands: Vec<_> = page.sections.iter().flat_map(|s| &s.commands).collect();
    assert!(commands.len() > 120, "{}", commands.len());
    for command in commands {
        for (words, reason) in NOT_EVERYWHERE {
            assert!(!command.contains(words), "{words}: {reason}: {command}");
        }
        // Commands must use the variables for the region and the service. Prose can have the names.
        for name in ["us-east-1", "sum-api-production", "/sum-api/production"] {
            let sets = command.starts_with("export ");
            assert!(sets || !command.contains(name), "{name} is a variable: {command}");
        }
        // A command must limit the lines that it prints.
        let lines = command.contains("filter-log-events") && !command.contains("REQUEST_ID");
        let bounded = ["| tail -", "| head"].iter().any(|end| command.contains(end));
        assert!(!lines || bounded, "it can print the whole log: {command}");
    }
}

#[test]
fn first_minute_has_only_read_only_commands() {
    let page = page();
    let helpers = page.helpers();
    assert_eq!(helpers, BTreeSet::from(["alarms", "q", "stopped", "targets", "task_of"]));
    let mut checked = 0;
    for section in page.part("Alarms").chain(page.part(INCIDENTS)) {
        let first = section.first_minute().unwrap();
        let found = Page::parse(&format!("\n## x\n\n### x\n{first}")).unwrap();
        for command in &found.sections[0].commands {
            let helper = helpers.contains(command.split(' ').next().unwrap());
            let looks = LOOKS.iter().any(|beginning| command.starts_with(beginning));
            assert!((helper || looks) && !changes(command), "{}: {command}", section.heading);
            checked += 1;
        }
    }
    assert!(checked > 90, "{checked}");
}

/// The reader pastes a whole block. Commands with placeholders follow in their own block.
#[test]
fn first_block_has_no_placeholder() {
    let page = page();
    let mut checked = 0;
    for section in page.part("Alarms").chain(page.part(INCIDENTS)) {
        let block = section.first_minute().unwrap().split("```").nth(1).unwrap();
        let mut words = block.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        let unknown = words.find(|word| FILLED_IN.contains(word));
        assert_eq!(unknown, None, "{}", section.heading);
        checked += 1;
    }
    assert!(checked >= 29, "{checked}");
}

#[test]
fn change_has_a_warning_and_an_undo() {
    let mut checked = 0;
    for section in &page().sections {
        let Section { heading, body, .. } = section;
        if section.commands.iter().any(|command| changes(command)) {
            // In an alarm's or incident's section, the paragraph with the change also has its undo.
            let parts: &[&str] = match section.part.as_str() {
                "Alarms" | INCIDENTS => &["ndo: ", "ndo.** "],
                _ => &["**Undo.** "],
            };
            assert!(parts.iter().any(|part| body.contains(part)), "{heading}: no undo");
            let warns =
                ["make it worse", "o not ", "o undo"].iter().any(|words| body.contains(words));
            assert!(warns, "{heading}: no warning about what it can make worse");
            let procedure = section.part == "Procedures";
            assert!(!procedure || body.contains("**Can make it worse.** "), "{heading}");
            checked += 1;
        }
    }
    assert!(checked >= 12, "{checked}");
}

#[test]
fn sentences_have_no_aws_command() {
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

/// The names of the drills, from their source.
fn drills() -> BTreeSet<String> {
    let folder = contract::binary::root().join("ops/src/drill/incidents");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let sources = files.map(|file| std::fs::read_to_string(file).unwrap()).collect::<String>();
    let names = sources.lines().filter_map(|line| line.trim().strip_prefix("name: \""));
    let names = names.filter_map(|rest| rest.split('"').next().map(str::to_owned));
    at_least(19, names).into_iter().collect()
}

#[test]
fn branch_names_an_existing_drill_or_scenario() {
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
    assert_eq!(named, drills, "each drill must try a branch");
    assert!(branches.len() > 90, "{}", branches.len());
}
