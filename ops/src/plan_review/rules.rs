//! The rules of `rules/`, written in Rego and evaluated here.
//!
//! They alone judge what is planned. Rego, because a security team reads and reviews it without
//! knowing this program, and because the same files work with OPA and conftest.

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
    /// The question that `text` answers.
    topic: Option<Topic>,
    /// What it means, in a sentence.
    text: Option<String>,
}

/// What no rule forbids, and a person has to judge.
#[derive(Debug, Deserialize)]
struct Warning {
    level: Level,
    address: String,
    topic: Option<Topic>,
    /// Without it, this is the level of the change that the review describes.
    text: Option<String>,
}

/// What the rules say about a plan.
#[derive(Debug)]
pub(super) struct Verdict {
    /// Every rule: its name and what it demands.
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
    anyhow::ensure!(!files.is_empty(), "{} holds no rules", folder.display());

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
    /// Whether a rule is broken at an address, in this part of it.
    pub(super) fn refuses(&self, address: &str, detail: &str) -> bool {
        self.violations.iter().any(|broken| broken.address == address && broken.detail == detail)
    }

    /// How much a reviewer has to care about a change at an address.
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
