//! The runbook and the alarms match: each alarm and each event has a section, and each section has an alarm or an
//! event.

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

/// A command of the runbook with the names of the production service in place of its variables, as in an alarm.
fn spelled_out(command: &str) -> String {
    let names = [
        ("$LOG", "/sum-api/production/service"),
        ("$CLUSTER", "sum-api-production"),
        ("$ID", "sum-api-production"),
    ];
    names.iter().fold(command.to_owned(), |text, (variable, name)| text.replace(variable, name))
}

/// The name and the description of each alarm and rule.
fn descriptions(stack: &Stack) -> Vec<(String, String)> {
    let rules = stack.planned("aws_cloudwatch_event_rule");
    let rules = rules.iter().map(|rule| {
        let value = |name: &str| rule.change.after[name].as_str().unwrap().to_owned();
        (value("name"), value("description"))
    });
    let alarms = stack.alarms.iter().map(|a| (a.name.clone(), a.description.clone()));
    alarms.chain(rules).collect()
}

/// The runbook's section and the first command in a description.
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
fn alarms_and_sections_match() {
    let name = "alarms_and_sections_match";
    let Some(stack) = stack(name) else { return };
    let sections = sections();
    let mut linked = BTreeSet::new();
    for (name, description) in descriptions(stack) {
        let (section, _) = links(&description);
        assert!(sections.contains_key(section), "{name} links to {section}, which does not exist");
        linked.insert(section.to_owned());
        assert!(description.chars().count() <= 1024, "{name}");
    }
    assert_eq!(linked, sections.into_keys().collect());
}

#[test]
fn alarm_description_has_the_first_command_of_its_section() {
    let name = "alarm_description_has_the_first_command_of_its_section";
    let Some(stack) = stack(name) else { return };
    let sections = sections();
    let mut checked = 0;
    for (name, description) in descriptions(stack) {
        // A rule's description has no space for a command. The rule's message has the link.
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
fn runbook_uses_exactly_the_saved_queries() {
    let Some(stack) = stack("runbook_uses_exactly_the_saved_queries") else {
        return;
    };
    let text = text(RUNBOOK);
    let saved: BTreeSet<&str> = stack
        .planned("aws_cloudwatch_query_definition")
        .iter()
        .map(|q| q.change.after["name"].as_str().unwrap().rsplit('/').next().unwrap())
        .collect();
    // The page has "query `x`" or "Query `x`" in text, and `q x` in commands.
    let named = text.split("uery `").skip(1).filter_map(|rest| rest.split('`').next());
    let run = text.lines().filter_map(|line| line.strip_prefix("q ")?.split(' ').next());
    let named: BTreeSet<&str> = named.chain(run).collect();
    assert_eq!(named, saved);
}

#[test]
fn documented_alarm_table_matches_the_plan() {
    let Some(stack) = stack("documented_alarm_table_matches_the_plan") else { return };
    let table = ops::alarms::table::table(&stack.alarms);
    let documented = text("docs/observability.md");
    assert!(documented.contains(&table), "docs/observability.md must have this table:\n{table}");
}

/// Every `aws` command of the documents, with the name of its page.
fn commands() -> Vec<(String, String)> {
    let folder = contract::binary::root().join("docs");
    let pages = std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
    let pages = pages.filter(|path| path.extension().is_some_and(|end| end == "md"));
    let mut found = Vec::new();
    for page in pages {
        let name = page.file_name().unwrap().to_string_lossy().into_owned();
        for line in std::fs::read_to_string(&page).unwrap().lines() {
            // A pipe, a semicolon or the end of a code span ends a command.
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
fn commands_list_all_alarms_and_no_revisions() {
    let commands = commands();
    assert!(commands.len() > 40, "{}", commands.len());
    // Without `--alarm-types`, AWS lists only metric alarms. The alarms that page are composite alarms.
    let alarms: Vec<_> =
        commands.iter().filter(|(_, c)| c.contains("cloudwatch describe-alarms ")).collect();
    assert!(!alarms.is_empty(), "no command lists the alarms");
    for (page, command) in alarms {
        let types = command.split("--alarm-types ").nth(1).unwrap_or_default();
        let types = types.split(" --").next().unwrap_or_default();
        let wanted = if command.contains("--alarm-names ") { "Alarm" } else { "CompositeAlarm" };
        assert!(types.contains(wanted), "{page}: {command}");
    }
    // That command lists all registered revisions, and does not show which of them worked.
    for (page, command) in &commands {
        assert!(!command.contains("ecs list-task-definitions"), "{page}: {command}");
    }
}

#[test]
fn runbook_has_one_procedure_for_each_task() {
    let runbook = text(RUNBOOK);
    for heading in ["### Replace a leaked key\n", "### Roll back\n", "### SSM does not answer\n"] {
        assert_eq!(runbook.matches(heading).count(), 1, "{heading}");
    }
    for (page, link) in [
        ("SECURITY.md", "(docs/runbook.md#replace-a-leaked-key)"),
        ("docs/deploy.md", "(runbook.md#replace-a-leaked-key)"),
        ("docs/deploy.md", "(runbook.md#roll-back)"),
    ] {
        assert!(text(page).contains(link), "{page} must link to {link}");
    }
    // A second page with the steps would be a second procedure.
    for page in ["SECURITY.md", "README.md", "docs/observability.md", "docs/sidecar.md"] {
        assert!(!text(page).contains("api_key_version"), "{page}");
    }
}

#[test]
fn links_inside_the_runbook_have_a_target() {
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
