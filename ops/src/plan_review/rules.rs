//! Evaluates the rules of `rules/`, which are written in Rego.
//!
//! Only they judge the planned state. A security team can review Rego without reading this program. The same files work
//! with OPA and conftest.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Context as _;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::finding::{Finding, Level, Topic};
use super::secrets::Leak;

/// Where a rule is broken.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(super) struct Violation {
    /// The rule's name.
    pub(super) rule: String,
    /// The resource.
    pub(super) address: String,
    /// Which part of it.
    pub(super) detail: String,
    /// The topic of `text`.
    topic: Option<Topic>,
    /// Its effect, in a sentence.
    text: Option<String>,
}

/// A change that no rule forbids and that a person must judge.
#[derive(Debug, Deserialize)]
struct Warning {
    level: Level,
    address: String,
    topic: Option<Topic>,
    /// When it is missing, `level` is the level of the change that the review describes.
    text: Option<String>,
}

/// The result of the rules for a plan.
#[derive(Debug)]
pub(super) struct Verdict {
    /// Every rule: its name and its demand.
    pub(super) rules: BTreeMap<String, String>,
    /// Where one is broken, ordered.
    pub(super) violations: BTreeSet<Violation>,
    /// Keys in the plan.
    pub(super) leaks: Vec<Leak>,
    warnings: Vec<Warning>,
}

/// Judges a plan by every `.rego` file of a folder.
pub(super) fn judge(plan_json: &str, folder: &Path) -> anyhow::Result<Verdict> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .with_context(|| format!("the rules of {}", folder.display()))?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "rego"))
        .collect();
    files.sort();
    anyhow::ensure!(!files.is_empty(), "{} contains no .rego file", folder.display());

    let mut engine = regorus::Engine::new();
    for file in files {
        engine.add_policy_from_file(&file).with_context(|| file.display().to_string())?;
    }
    engine.set_input(regorus::Value::from_json_str(plan_json)?);
    Ok(Verdict {
        rules: read(&mut engine, "data.sum_api.rules")?,
        violations: read(&mut engine, "data.sum_api.deny")?,
        leaks: read(&mut engine, "data.sum_api.leaks")?,
        warnings: read(&mut engine, "data.sum_api.warn")?,
    })
}

fn read<T: DeserializeOwned>(engine: &mut regorus::Engine, query: &str) -> anyhow::Result<T> {
    let results = engine.eval_query(query.to_owned(), false)?;
    let expression = results.result.first().and_then(|result| result.expressions.first());
    let value = &expression.with_context(|| format!("the rules define no {query}"))?.value;
    serde_json::from_str(&value.to_json_str()?).with_context(|| query.to_owned())
}

impl Verdict {
    /// Whether this part of the resource at an address breaks a rule.
    pub(super) fn refuses(&self, address: &str, detail: &str) -> bool {
        self.violations.iter().any(|broken| broken.address == address && broken.detail == detail)
    }

    /// The severity of a change at an address.
    pub(super) fn level(&self, address: &str) -> Level {
        let here = self.warnings.iter().filter(|warning| warning.address == address);
        here.filter(|warning| warning.text.is_none())
            .map(|warning| warning.level)
            .min()
            .unwrap_or(Level::Note)
    }

    /// The sentences of the rules.
    pub(super) fn findings(&self) -> impl Iterator<Item = Finding> {
        let broken = self
            .violations
            .iter()
            .map(|broken| (Level::Danger, broken.topic, &broken.address, broken.text.as_ref()));
        let warned = self
            .warnings
            .iter()
            .map(|warning| (warning.level, warning.topic, &warning.address, warning.text.as_ref()));
        broken.chain(warned).filter_map(|(level, topic, address, text)| {
            Some(Finding::new(level, topic?, address, text?.clone()))
        })
    }
}
