//! Compares the list of settings with the workflows that read them and with docs/ci.md.

use std::collections::BTreeSet;
use std::fs;

use ops::github::{Feature, SETTINGS, Setting, table};

use super::root;

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// The names after these prefixes in the workflows, such as `vars.NAME` or `secrets.NAME`.
fn used(prefixes: &[&str]) -> BTreeSet<String> {
    let workflows = fs::read_dir(root().join(".github/workflows")).unwrap();
    let text: String =
        workflows.map(|file| fs::read_to_string(file.unwrap().path()).unwrap()).collect();
    let uses = prefixes.iter().flat_map(|prefix| text.split(prefix).skip(1));
    let names = uses.map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap();
        rest[..end].to_owned()
    });
    names.collect()
}

fn listed(keep: impl Fn(&Setting) -> bool) -> BTreeSet<String> {
    SETTINGS.iter().filter(|setting| keep(setting)).map(|setting| setting.name.to_owned()).collect()
}

#[test]
fn workflows_read_the_settings_of_the_command() {
    let variables = used(&["{{ vars.", "(vars."]);
    assert!(variables.len() >= 4, "{variables:?}");
    assert_eq!(variables, listed(|setting| !setting.secret));
    assert_eq!(used(&["{{ secrets."]), listed(|setting| setting.secret));
}

#[test]
fn document_has_the_table_of_the_command() {
    let document = read("docs/ci.md");
    assert!(
        document.contains(&table()),
        "docs/ci.md must have the table of `cargo ops github settings`:\n{}",
        table()
    );
}

#[test]
fn document_has_the_plans_of_the_command() {
    let document = read("docs/ci.md");
    for feature in Feature::ALL {
        let (name, plan) = feature.plan();
        let row = format!("| {name} | {} |", plan.trim_start_matches("GitHub "));
        assert!(document.contains(&row), "docs/ci.md has no row {row}");
    }
}
