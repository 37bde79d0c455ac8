//! Searches the plan for readable secrets.
//!
//! Terraform never reads a key: the parameter's value is write-only, and `ops key` writes it. This module checks every
//! string of the whole plan, because nobody can take back a saved plan or a comment on a pull request.

use serde::Deserialize;
use serde_json::Value;

/// The place of a value that looks like a secret. It does not contain the secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(super) struct Leak {
    /// Dotted path into the plan.
    pub(super) path: String,
    /// The kind of secret.
    pub(super) what: String,
}

/// The result of the search.
#[derive(Debug, Clone, Default)]
pub(super) struct Report {
    /// Number of strings that were checked.
    pub(super) strings: usize,
    /// The leaks.
    pub(super) leaks: Vec<Leak>,
}

/// Searches a plan.
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

/// Attributes that contain the value of a secret. In a plan they must be empty.
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
        // The id of the caller has the form of an access key, but it is no secret.
        Some("an AWS access key")
    } else if SECRET_ATTRIBUTES.contains(&attribute) && !text.is_empty() {
        Some("a value in an attribute for secrets")
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
