//! Whether a secret stands readable in the plan.
//!
//! The API key is ephemeral and write-only, so that Terraform keeps it out of plan and state. This
//! holds it to that: every string of the whole plan is looked at, because a saved plan and a comment
//! on a pull request are both copies that nobody can take back.

use serde_json::Value;

/// Where something that looks like a secret stands. Never the secret itself.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Leak {
    /// Dotted path into the plan.
    pub(super) path: String,
    /// What it looks like.
    pub(super) what: &'static str,
}

/// What was looked at, and what was found.
#[derive(Debug, Default)]
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
    let needles: Vec<String> = known
        .iter()
        .flat_map(|list| list.split(','))
        .map(|entry| entry.rsplit(':').next().unwrap_or(entry).to_owned())
        .filter(|key| key.len() >= 8)
        .collect();
    let mut report = Report::default();
    walk(plan, &mut String::new(), &needles, &mut report);
    report
}

fn walk(value: &Value, path: &mut String, needles: &[String], report: &mut Report) {
    match value {
        Value::String(text) => {
            report.strings += 1;
            if let Some(what) = looks_like(path, text, needles) {
                report.leaks.push(Leak { path: path.clone(), what });
            }
        }
        Value::Array(list) => {
            for (index, inner) in list.iter().enumerate() {
                step(path, &index.to_string(), |path| walk(inner, path, needles, report));
            }
        }
        Value::Object(map) => {
            for (name, inner) in map {
                step(path, name, |path| walk(inner, path, needles, report));
            }
        }
        _ => {}
    }
}

fn step(path: &mut String, name: &str, inner: impl FnOnce(&mut String)) {
    let length = path.len();
    if !path.is_empty() {
        path.push('.');
    }
    path.push_str(name);
    inner(path);
    path.truncate(length);
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

fn looks_like(path: &str, text: &str, needles: &[String]) -> Option<&'static str> {
    if needles.iter().any(|needle| text.contains(needle.as_str())) {
        return Some("the API key");
    }
    if text.contains("PRIVATE KEY-----") {
        return Some("a private key");
    }
    // Who plans is no secret: the id of the caller has the shape of an access key.
    if has_access_key(text) && !path.ends_with(".user_id") {
        return Some("an AWS access key");
    }
    let attribute = path.rsplit('.').next().unwrap_or(path);
    if SECRET_ATTRIBUTES.contains(&attribute) && !text.is_empty() {
        return Some("a value in an attribute that holds secrets");
    }
    if attribute == "container_definitions" && environment_holds_key(text) {
        return Some("a key in a container's environment");
    }
    None
}

fn has_access_key(text: &str) -> bool {
    text.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| {
        word.len() == 20
            && (word.starts_with("AKIA") || word.starts_with("ASIA"))
            && word.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
    })
}

/// Names of variables that hold a secret, and so belong among `secrets`, by reference.
fn environment_holds_key(definitions: &str) -> bool {
    let parsed: Value = serde_json::from_str(definitions).unwrap_or_default();
    parsed
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|container| container["environment"].as_array().into_iter().flatten())
        .any(|entry| {
            let name = entry["name"].as_str().unwrap_or_default();
            let reference = name.ends_with("_PARAMETER")
                || name.ends_with("_VERSION")
                || name.starts_with("REQUIRE_");
            !reference
                && ["API_KEY", "SECRET", "PASSWORD", "TOKEN"].iter().any(|word| name.contains(word))
        })
}
