//! The rules of `policy/`, written in Rego and evaluated here.
//!
//! Rego, because a security team reads and reviews it without knowing this program, and because the
//! same files work with OPA and conftest.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use serde::Deserialize;

/// Where a rule is broken.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(super) struct Violation {
    /// The rule's name.
    pub(super) rule: String,
    /// The resource.
    pub(super) address: String,
    /// Which part of it.
    pub(super) detail: String,
}

/// What the rules say about a plan.
#[derive(Debug)]
pub(super) struct Verdict {
    /// Every rule: its name and what it demands.
    pub(super) rules: BTreeMap<String, String>,
    /// Where one is broken, ordered.
    pub(super) violations: Vec<Violation>,
}

/// Judges a plan by every `.rego` file of a folder.
pub(super) fn judge(plan_json: &str, folder: &Path) -> anyhow::Result<Verdict> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .with_context(|| format!("the policies of {}", folder.display()))?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "rego"))
        .collect();
    files.sort();
    anyhow::ensure!(!files.is_empty(), "{} holds no policy", folder.display());

    let mut engine = regorus::Engine::new();
    for file in files {
        engine.add_policy_from_file(&file).with_context(|| file.display().to_string())?;
    }
    engine.set_input(regorus::Value::from_json_str(plan_json)?);
    let mut read = |query: &str| -> anyhow::Result<String> {
        let results = engine.eval_query(query.to_owned(), false)?;
        let expression = results.result.first().and_then(|result| result.expressions.first());
        expression.with_context(|| format!("the policies define no {query}"))?.value.to_json_str()
    };
    let rules = serde_json::from_str(&read("data.sum_api.rules")?)?;
    let mut violations: Vec<Violation> = serde_json::from_str(&read("data.sum_api.deny")?)?;
    violations.sort();
    Ok(Verdict { rules, violations })
}
