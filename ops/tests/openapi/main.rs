//! Breaking changes of a document: a table of changes, each compared in both directions.
//!
//! A case of `cases.json` changes `base.json` at pointers: `set` writes values, `remove` removes them. `breaks` has the
//! pointers that are reported for the change. `back` has the pointers that are reported for the reverse change.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

mod command;

use std::collections::BTreeMap;

use contract::list::at_least;
use ops::openapi::breaking::{Contract, compare};
use serde::Deserialize;
use serde_json::Value;

const BASE: &str = include_str!("base.json");

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    change: String,
    #[serde(default)]
    set: BTreeMap<String, Value>,
    #[serde(default)]
    remove: Vec<String>,
    breaks: Vec<String>,
    back: Vec<String>,
}

fn cases() -> Vec<Case> {
    serde_json::from_str(include_str!("cases.json")).unwrap()
}

/// The parent of a pointer, and the name of its last member.
fn slot<'a>(document: &'a mut Value, pointer: &str) -> (&'a mut Value, String) {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = document.pointer_mut(parent).unwrap_or_else(|| panic!("{pointer} has no parent"));
    (parent, name.replace("~1", "/").replace("~0", "~"))
}

/// The changed document. Panics if the case changes nothing.
fn changed(case: &Case) -> String {
    let base: Value = serde_json::from_str(BASE).unwrap();
    let mut document = base.clone();
    for pointer in &case.remove {
        let removed = match slot(&mut document, pointer) {
            (Value::Object(members), name) => members.remove(&name),
            (Value::Array(items), index) => Some(items.remove(index.parse().unwrap())),
            _ => None,
        };
        assert!(removed.is_some(), "{}: {pointer} does not exist", case.change);
    }
    for (pointer, value) in &case.set {
        match slot(&mut document, pointer) {
            (Value::Array(items), index) if index == "-" => items.push(value.clone()),
            (Value::Array(items), index) => items[index.parse::<usize>().unwrap()] = value.clone(),
            (parent, name) => parent[name] = value.clone(),
        }
    }
    assert_ne!(base, document, "{}", case.change);
    document.to_string()
}

fn parsed(what: &str, text: &str) -> Contract {
    Contract::parse(text).unwrap_or_else(|error| panic!("{what}: {error}"))
}

fn pointers(old: &Contract, new: &Contract) -> Vec<String> {
    let mut pointers: Vec<String> = compare(old, new).into_iter().map(|c| c.at).collect();
    pointers.dedup();
    pointers
}

#[test]
fn each_case_reports_exactly_its_breaking_pointers() {
    let base = parsed("base", BASE);
    let (mut breaking, mut harmless) = (0, 0);
    let mut wrong = Vec::new();
    for case in at_least(154, &cases()) {
        let new = parsed(&case.change, &changed(case));
        for (direction, expected, found) in [
            ("breaks", &case.breaks, pointers(&base, &new)),
            ("back", &case.back, pointers(&new, &base)),
        ] {
            let mut expected = expected.clone();
            expected.sort();
            if expected != found {
                wrong.push(format!("{}, {direction}: {found:#?}, not {expected:#?}", case.change));
            }
            if expected.is_empty() { harmless += 1 } else { breaking += 1 }
        }
        assert_eq!(
            pointers(&new, &new),
            [""; 0],
            "{}: a document compared with itself",
            case.change
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(breaking >= 171 && harmless >= 137, "{breaking} breaking, {harmless} harmless");
}

#[test]
fn change_shows_the_old_and_the_new_value() {
    let base = parsed("base", BASE);
    let case = |name: &str| cases().into_iter().find(|case| case.change == name).unwrap();
    for (name, expected) in [
        (
            "a maximum in a request falls",
            "/components/parameters/Limit/schema/maximum: in requests: `maximum` was 100, is 50",
        ),
        (
            "a value is added to an enum in a response",
            "/components/schemas/Order/allOf/1/properties/state/enum: in responses: `enum` was [\"open\",\"done\"], is [\"open\",\"done\",\"lost\"]",
        ),
        ("a path is removed", "/paths/~1events: the path was removed"),
        (
            "a type in a response gets null",
            "/components/schemas/Identified/properties/id/type: in responses: `type` was string, is null or string",
        ),
    ] {
        let new = parsed(name, &changed(&case(name)));
        let lines: Vec<String> = compare(&base, &new).iter().map(ToString::to_string).collect();
        assert_eq!(lines, [expected]);
    }
}
