//! The rights that a change adds to an IAM policy, statement by statement.

use serde_json::Value;

use super::finding::Level;
use super::rules::Verdict;
use crate::plan::{Action, Resource};

/// The rights that the change adds to the policy in `attribute`.
pub(super) fn changes(
    resource: &Resource,
    attribute: &str,
    verdict: &Verdict,
) -> Vec<(Level, String)> {
    if resource.action() == Action::Destroy || !resource.changes(attribute) {
        return Vec::new();
    }
    let usual = if resource.action() == Action::Create { Level::Note } else { Level::Caution };
    let Some(after) = resource.after(attribute) else {
        return vec![(usual, "changes a policy whose text is known only after apply".to_owned())];
    };
    let old = statements(resource.before(attribute));
    let mut found: Vec<(Level, String)> = statements(Some(after))
        .iter()
        .filter(|statement| !old.contains(statement) && statement["Effect"] == "Allow")
        .map(|statement| {
            let actions = words(&statement["Action"]);
            let breaks_rule = |detail: &str| verdict.refuses(&resource.address, detail);
            let anybody = breaks_rule("anybody");
            let level = if anybody || actions.iter().any(|action| breaks_rule(action)) {
                Level::Danger
            } else {
                usual
            };
            let on = match words(&statement["Resource"]).join(", ") {
                resources if resources.is_empty() => resources,
                resources => format!(" on {}", shorten(&resources)),
            };
            let who = if anybody { " to anybody" } else { "" };
            let text = format!("allows {}{on}{who}", shorten(&actions.join(", ")));
            (level, text)
        })
        .collect();
    if found.is_empty() {
        found.push((Level::Note, "removes rights".to_owned()));
    }
    found
}

fn statements(policy: Option<&str>) -> Vec<Value> {
    let mut parsed: Value =
        policy.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    match parsed["Statement"].take() {
        Value::Array(list) => list,
        Value::Null => Vec::new(),
        single => vec![single],
    }
}

/// A string or a list of strings: IAM allows both.
fn words(value: &Value) -> Vec<String> {
    match value {
        Value::String(word) => vec![word.clone()],
        Value::Array(list) => list.iter().flat_map(words).collect(),
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
