//! Whoever is woken finds a section: each alarm and each event has one, with everything in it, and no
//! section is without its alarm.

use std::collections::{BTreeMap, BTreeSet};

use contract::list::at_least;
use xtask::runbook::page::{Page, Section};

use crate::stack::{Stack, stack, text};

const RUNBOOK: &str = "docs/runbook.md";

/// The sections under `## Alarms`, by heading.
fn sections() -> BTreeMap<String, Section> {
    let page = Page::read(contract::binary::root()).unwrap();
    let alarms = page.sections.into_iter().filter(|section| section.part == "Alarms");
    let sections = alarms.map(|section| (section.heading.clone(), section));
    at_least(15, sections).into_iter().collect()
}

/// A command of the page as an alarm says it: the page has variables for what the alarm names.
fn spelled_out(command: &str) -> String {
    let names = [
        ("$LOG", "/sum-api/production/service"),
        ("$CLUSTER", "sum-api-production"),
        ("$ID", "sum-api-production"),
    ];
    names.iter().fold(command.to_owned(), |text, (variable, name)| text.replace(variable, name))
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
            let first = sections[section].commands.first().expect("a command");
            let command = command.replace(" --region us-east-1", "");
            assert_eq!(spelled_out(first), command, "the first command of {section}");
            checked += 1;
        }
    }
    assert!(checked >= 18, "{checked}");
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
    // "query `x`", or "Query `x`" where a sentence begins; and `q x` where it is run.
    let named = text.split("uery `").skip(1).filter_map(|rest| rest.split('`').next());
    let run = text.lines().filter_map(|line| line.strip_prefix("q ")?.split(' ').next());
    let named: BTreeSet<&str> = named.chain(run).collect();
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
    assert!(!alarms.is_empty(), "the helper asks for the alarms");
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
