//! Whether a secret stands readable in the plan.
//!
//! Terraform knows no key: the parameter's value is write-only, and `ops key` writes it. This holds the configuration to
//! that: every string of the whole plan is looked at, because a saved plan and a comment on a pull request are both
//! copies that nobody can take back.

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

/// Looks through a plan.
#[must_use]
pub(super) fn look(plan: &Value) -> Report {
    let mut report = Report::default();
    walk(plan, "", &mut report);
    report
}

fn walk(value: &Value, path: &str, report: &mut Report) {
    let step =
        |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value {
        Value::String(text) => {
            report.strings += 1;
            if let Some(what) = looks_like(path, text) {
                report.leaks.push(Leak { path: path.to_owned(), what: what.to_owned() });
            }
        }
        Value::Array(list) => {
            for (index, inner) in list.iter().enumerate() {
                let name = inner["address"]
                    .as_str()
                    .map_or_else(|| step(&index.to_string()), ToOwned::to_owned);
                walk(inner, &name, report);
            }
        }
        Value::Object(map) => {
            for (name, inner) in map {
                walk(inner, &step(name), report);
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

fn looks_like(path: &str, text: &str) -> Option<&'static str> {
    let attribute = path.rsplit('.').next().unwrap_or(path);
    if text.contains("PRIVATE KEY-----") {
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
