//! Whoever is woken finds a section: each alarm and each event has one, with everything in it, and no
//! section is without its alarm.

use std::collections::{BTreeMap, BTreeSet};

use contract::list::at_least;

use crate::stack::{Stack, stack, text};

const RUNBOOK: &str = "docs/runbook.md";

/// What a section has, in this order.
const PARTS: [&str; 7] =
    ["Means", "Impact", "First minute", "Mitigate", "Verify", "Escalate", "Threshold"];

/// The sections under `## Alarms`, by heading.
fn sections() -> BTreeMap<String, String> {
    let text = text(RUNBOOK);
    let alarms = text.split("\n## ").find(|part| part.starts_with("Alarms\n")).expect("## Alarms");
    let sections = alarms.split("\n### ").skip(1).map(|section| {
        let (heading, body) = section.split_once('\n').expect("a body");
        (heading.trim().to_owned(), body.to_owned())
    });
    at_least(15, sections).into_iter().collect()
}

/// What alarms and rules say: their name and their description.
fn descriptions(stack: &Stack) -> Vec<(String, String)> {
    let rules = stack.planned("aws_cloudwatch_event_rule");
    let rules = rules.iter().map(|rule| {
        let value = |name: &str| rule.change.after[name].as_str().unwrap().to_owned();
        (value("name"), value("description"))
    });
    let alarms = stack.alarms.iter().map(|a| (a.name.clone(), a.description.clone()));
    alarms.chain(rules).collect()
}

/// The runbook's section and the first command of a description.
fn links(description: &str) -> (&str, Option<&str>) {
    let (_, after) = description.split_once("Runbook: ").expect("a link to the runbook");
    let (link, command) = match after.split_once(" First: ") {
        Some((link, command)) => (link, Some(command)),
        None => (after, None),
    };
    let (page, section) = link.split_once('#').expect("a section");
    assert_eq!(page, RUNBOOK);
    (section, command)
}

#[test]
fn every_alarm_leads_to_a_section_and_every_section_belongs_to_an_alarm() {
    let name = "every_alarm_leads_to_a_section_and_every_section_belongs_to_an_alarm";
    let Some(stack) = stack(name) else { return };
    let sections = sections();
    let mut linked = BTreeSet::new();
    for (name, description) in descriptions(stack) {
        let (section, _) = links(&description);
        assert!(sections.contains_key(section), "{name} leads to {section}, which is not there");
        linked.insert(section.to_owned());
        assert!(description.chars().count() <= 1024, "{name}");
    }
    assert_eq!(linked, sections.into_keys().collect());
}

#[test]
fn who_is_told_is_told_the_first_command_and_finds_it_in_the_section() {
    let name = "who_is_told_is_told_the_first_command_and_finds_it_in_the_section";
    let Some(stack) = stack(name) else { return };
    let sections = sections();
    let mut checked = 0;
    for (name, description) in descriptions(stack) {
        // A rule's description has no room for a command: the message that it sends has the link.
        let tells = stack.alarms.iter().any(|a| a.name == name && !a.alarm_actions.is_empty());
        let (section, command) = links(&description);
        assert_eq!(command.is_some(), tells, "{name}");
        if let Some(command) = command {
            let first = sections[section].split("```sh\n").nth(1).expect("a block of commands");
            let first = first.lines().find(|line| !line.starts_with('#')).unwrap_or_default();
            assert_eq!(first, command, "the first command of {section}");
            checked += 1;
        }
    }
    assert!(checked >= 18, "{checked}");
}

#[test]
fn every_section_has_every_part_and_the_line_of_its_drill() {
    for (heading, body) in sections() {
        let mut rest = body.as_str();
        for part in PARTS {
            let mark = format!("**{part}.**");
            let at =
                rest.find(&mark).unwrap_or_else(|| panic!("{heading}: no {part}, or too early"));
            rest = &rest[at + mark.len()..];
        }
        let drilled: Vec<&str> =
            rest.lines().filter(|line| line.starts_with("Last drilled: ")).collect();
        assert_eq!(drilled.len(), 1, "{heading}");
        check_drilled(&heading, drilled[0]);
    }
}

/// `Last drilled: YYYY-MM-DD (emulated): detected FIGURE; recovered FIGURE (make drill)`, or `never: reason`.
fn check_drilled(heading: &str, line: &str) {
    let said = line.strip_prefix("Last drilled: ").unwrap_or_default();
    if let Some(reason) = said.strip_prefix("never: ") {
        assert!(reason.len() > 10, "{heading}: why not?");
        return;
    }
    let figures = said.strip_suffix(" (make drill)").and_then(|said| {
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
        assert!(measured.is_some() || reason, "{heading}: {figure:?} is no figure and no reason");
    }
}

#[test]
fn a_figure_of_a_drill_is_emulated_and_measured_or_says_why_not() {
    let good = "Last drilled: 2026-01-02 (emulated): detected in 61 s (computed); recovered: not measured: no request failed (make drill)";
    check_drilled("a", good);
    check_drilled("a", "Last drilled: never: nobody can cause it here");
    for (good_part, bad) in [
        (" (emulated)", ""),
        ("61 s", "a minute"),
        (": no request failed", ""),
        (" (make drill)", ""),
        ("2026-01-02", "yesterday"),
    ] {
        let line = good.replacen(good_part, bad, 1);
        let refused = std::panic::catch_unwind(|| check_drilled("a", &line));
        assert!(refused.is_err(), "{line}");
    }
}

#[test]
fn every_saved_query_is_used_and_every_query_named_exists() {
    let Some(stack) = stack("every_saved_query_is_used_and_every_query_named_exists") else {
        return;
    };
    let text = text(RUNBOOK);
    let saved: BTreeSet<&str> = stack
        .planned("aws_cloudwatch_query_definition")
        .iter()
        .map(|q| q.change.after["name"].as_str().unwrap().rsplit('/').next().unwrap())
        .collect();
    // "query `x`", or "Query `x`" where a sentence begins.
    let named: BTreeSet<&str> =
        text.split("uery `").skip(1).filter_map(|rest| rest.split('`').next()).collect();
    assert_eq!(named, saved);
}

#[test]
fn the_documented_alarm_table_is_that_of_the_plan() {
    let Some(stack) = stack("the_documented_alarm_table_is_that_of_the_plan") else { return };
    let table = ops::alarms::table::table(&stack.alarms);
    let documented = text("docs/observability.md");
    assert!(documented.contains(&table), "docs/observability.md should have:\n{table}");
}

/// Every `aws` command of the documents and of the alarms, with the place where it stands.
fn commands() -> Vec<(String, String)> {
    let folder = contract::binary::root().join("docs");
    let pages = std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
    let pages = pages.filter(|path| path.extension().is_some_and(|end| end == "md"));
    let mut found = Vec::new();
    for page in pages {
        let name = page.file_name().unwrap().to_string_lossy().into_owned();
        for line in std::fs::read_to_string(&page).unwrap().lines() {
            // A pipe ends a command, and so does the end of a span of code.
            let parts = line.split(['|', '`', ';']).map(str::trim);
            found.extend(parts.filter_map(|part| {
                let from = part.find("aws ")?;
                Some((name.clone(), part[from..].to_owned()))
            }));
        }
    }
    found
}

#[test]
fn no_command_hides_what_it_is_asked_for() {
    let commands = commands();
    assert!(commands.len() > 40, "{}", commands.len());
    // Without the types, only metric alarms are listed: the pages are composites.
    let alarms: Vec<_> =
        commands.iter().filter(|(_, c)| c.contains("cloudwatch describe-alarms ")).collect();
    assert!(alarms.len() >= 2, "{alarms:?}");
    for (page, command) in alarms {
        let types = command.split("--alarm-types ").nth(1).unwrap_or_default();
        let types = types.split(" --").next().unwrap_or_default();
        let wanted = if command.contains("--alarm-names ") { "Alarm" } else { "CompositeAlarm" };
        assert!(types.contains(wanted), "{page}: {command}");
    }
    // It lists registered revisions only, and says nothing of what was good.
    for (page, command) in &commands {
        assert!(!command.contains("ecs list-task-definitions"), "{page}: {command}");
    }
}

#[test]
fn one_procedure_replaces_a_leaked_key_and_one_rolls_back() {
    let runbook = text(RUNBOOK);
    for heading in ["### Replace a leaked key\n", "### Roll back\n", "### SSM does not answer\n"] {
        assert_eq!(runbook.matches(heading).count(), 1, "{heading}");
    }
    for (page, link) in [
        ("SECURITY.md", "(docs/runbook.md#replace-a-leaked-key)"),
        ("docs/deploy.md", "(runbook.md#replace-a-leaked-key)"),
        ("docs/deploy.md", "(runbook.md#roll-back)"),
    ] {
        assert!(text(page).contains(link), "{page} leads to {link}");
    }
    // A page that says how to write the list by itself would be a second procedure.
    for page in ["SECURITY.md", "README.md", "docs/observability.md", "docs/sidecar.md"] {
        assert!(!text(page).contains("api_key_version"), "{page}");
    }
}

#[test]
fn links_inside_the_runbook_lead_somewhere() {
    let text = text(RUNBOOK);
    let anchors: BTreeSet<String> = text
        .lines()
        .filter_map(|line| line.strip_prefix('#'))
        .map(|line| {
            let heading = line.trim_start_matches('#').trim().to_lowercase();
            let kept = heading.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        })
        .collect();
    let links = text.split("](#").skip(1).filter_map(|rest| rest.split(')').next());
    for link in at_least(56, links) {
        assert!(anchors.contains(link), "#{link}");
    }
}
