//! What an IAM policy newly allows, statement by statement.

use serde_json::Value;

use super::finding::{Finding, Level, Topic};
use super::plan::{Action, Resource};

/// What the policy in `attribute` allows that it did not allow before.
pub(super) fn findings(resource: &Resource, attribute: &str) -> Vec<Finding> {
    if resource.action() == Action::Destroy || !resource.changes(attribute) {
        return Vec::new();
    }
    let finding = |level, text: String| Finding::new(level, Topic::Access, &resource.address, text);
    let Some(after) = resource.after(attribute) else {
        let text = "changes a policy whose text is only known after apply";
        return vec![finding(
            if resource.action() == Action::Create { Level::Note } else { Level::Caution },
            text.to_owned(),
        )];
    };
    let old = statements(resource.before(attribute));
    let new: Vec<Value> =
        statements(Some(after)).into_iter().filter(|statement| !old.contains(statement)).collect();
    let mut found: Vec<Finding> = new
        .iter()
        .filter(|statement| statement["Effect"] == "Allow")
        .map(|statement| {
            let actions = words(&statement["Action"]);
            let wide_action = actions.iter().any(|action| action.ends_with('*'));
            let resources = words(&statement["Resource"]);
            let anybody = words(&statement["Principal"]).iter().any(|who| who == "*");
            let level = if wide_action || anybody {
                Level::Danger
            } else if resource.action() == Action::Create {
                Level::Note
            } else {
                Level::Caution
            };
            let on = if resources.is_empty() {
                String::new()
            } else {
                format!(" on {}", shorten(&resources.join(", ")))
            };
            let who = if anybody { " to anybody" } else { "" };
            finding(level, format!("allows {}{on}{who}", shorten(&actions.join(", "))))
        })
        .collect();
    if found.is_empty() {
        found.push(finding(Level::Note, "takes rights away".to_owned()));
    }
    found
}

fn statements(policy: Option<&str>) -> Vec<Value> {
    let parsed: Value = policy.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    match &parsed["Statement"] {
        Value::Array(list) => list.clone(),
        Value::Object(_) => vec![parsed["Statement"].clone()],
        _ => Vec::new(),
    }
}

/// A string, a list of strings, or the strings in a map, as IAM allows each.
fn words(value: &Value) -> Vec<String> {
    match value {
        Value::String(word) => vec![word.clone()],
        Value::Array(list) => list.iter().flat_map(words).collect(),
        Value::Object(map) => map.values().flat_map(words).collect(),
        _ => Vec::new(),
    }
}

fn shorten(text: &str) -> String {
    const MOST: usize = 120;
    if text.chars().count() <= MOST {
        text.to_owned()
    } else {
        text.chars().take(MOST).chain("…".chars()).collect()
    }
}
