//! Whether a secret stands readable in the plan.
//!
//! The API key is ephemeral and write-only, so that Terraform keeps it out of plan and state. This
//! holds it to that: every string of the whole plan is looked at, because a saved plan and a comment
//! on a pull request are both copies that nobody can take back.

use serde::Deserialize;
use serde_json::Value;

/// Where something that looks like a secret stands. Never the secret itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(super) struct Leak {
    /// Dotted path into the plan.
    pub(super) path: String,
    /// What it looks like.
    pub(super) what: String,
}

/// What was looked at, and what was found.
#[derive(Debug, Clone, Default)]
pub(super) struct Report {
    /// Number of strings.
    pub(super) strings: usize,
    /// What was found.
    pub(super) leaks: Vec<Leak>,
}

/// Looks through a plan. `known` holds secrets that must be nowhere in it, such as those of `TF_VAR_api_keys`;
/// each entry of a list of keys and each bare key is looked for by itself.
#[must_use]
pub(super) fn look(plan: &Value, known: &[String]) -> Report {
    let keys: Vec<&str> = known
        .iter()
        .flat_map(|list| list.split(','))
        .map(|entry| entry.rsplit(':').next().unwrap_or(entry))
        .filter(|key| key.len() >= 8)
        .collect();
    let mut report = Report::default();
    walk(plan, "", &keys, &mut report);
    report
}

fn walk(value: &Value, path: &str, keys: &[&str], report: &mut Report) {
    let step =
        |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value {
        Value::String(text) => {
            report.strings += 1;
            if let Some(what) = looks_like(path, text, keys) {
                report.leaks.push(Leak { path: path.to_owned(), what: what.to_owned() });
            }
        }
        Value::Array(list) => {
            for (index, inner) in list.iter().enumerate() {
                let name = inner["address"]
                    .as_str()
                    .map_or_else(|| step(&index.to_string()), ToOwned::to_owned);
                walk(inner, &name, keys, report);
            }
        }
        Value::Object(map) => {
            for (name, inner) in map {
                walk(inner, &step(name), keys, report);
            }
        }
        _ => {}
    }
}

/// Attributes that hold the value of a secret. Terraform must never have written anything into them.
const SECRET_ATTRIBUTES: &[&str] = &[
    "value_wo",
    "secret_string",
    "secret_binary",
    "password",
    "private_key_pem",
    "secret_access_key",
];

fn looks_like(path: &str, text: &str, keys: &[&str]) -> Option<&'static str> {
    let attribute = path.rsplit('.').next().unwrap_or(path);
    if keys.iter().any(|key| text.contains(key)) {
        Some("the API key")
    } else if text.contains("PRIVATE KEY-----") {
        Some("a private key")
    } else if has_access_key(text) && attribute != "user_id" {
        // Who plans is no secret: the id of the caller has the shape of an access key.
        Some("an AWS access key")
    } else if SECRET_ATTRIBUTES.contains(&attribute) && !text.is_empty() {
        Some("a value in an attribute that holds secrets")
    } else {
        None
    }
}

fn has_access_key(text: &str) -> bool {
    text.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| {
        word.len() == 20
            && (word.starts_with("AKIA") || word.starts_with("ASIA"))
            && word.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
    })
}
