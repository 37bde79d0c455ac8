//! A plan of Terraform in JSON. This is the only reader of plans: the review, a rollback, the alarms
//! and the drill use it.
//!
//! It reads what `terraform show -json` prints, and the line of type `test_plan` that
//! `terraform test -json -verbose` prints. Mocks give the second one the values that only AWS knows
//! (the suffix of a load balancer's ARN, the ARNs of topics). So tests of references read that one.
//!
//! Source: <https://developer.hashicorp.com/terraform/internals/json-format>.

use std::path::Path;

use anyhow::{Context as _, ensure};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A plan.
#[derive(Debug, Deserialize)]
pub struct Plan {
    /// Major and minor version of the format; this module reads 1.x.
    #[serde(alias = "plan_format_version")]
    format_version: String,
    /// Every resource of the configuration, also those that do not change.
    #[serde(default)]
    pub resource_changes: Vec<Resource>,
    /// What was changed outside of Terraform since the last apply.
    #[serde(default)]
    pub resource_drift: Vec<Resource>,
    /// Terraform could not finish the plan.
    #[serde(default)]
    errored: bool,
    /// Outcomes of `check` blocks and conditions.
    #[serde(default)]
    checks: Vec<Check>,
}

/// One resource and what happens to it.
#[derive(Debug, Deserialize)]
pub struct Resource {
    /// Such as `aws_lb.this` or `aws_subnet.task["a"]`.
    pub address: String,
    /// `managed` or `data`.
    mode: String,
    /// Such as `aws_lb`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The values before and after.
    pub change: Change,
}

/// The values before and after a change.
#[derive(Debug, Deserialize)]
pub struct Change {
    actions: Vec<String>,
    /// `null` when the resource is created.
    #[serde(default)]
    pub before: Value,
    /// `null` when the resource is destroyed. A value that is only known after apply is missing.
    #[serde(default)]
    pub after: Value,
    /// `true` wherever the value is only known after apply.
    #[serde(default)]
    pub after_unknown: Value,
    /// `true` wherever the value is sensitive.
    #[serde(default)]
    pub before_sensitive: Value,
    /// As `before_sensitive`.
    #[serde(default)]
    pub after_sensitive: Value,
    /// The attributes that cannot be changed in place.
    #[serde(default)]
    replace_paths: Vec<Vec<Value>>,
}

/// Outcome of one `check` block, precondition or postcondition.
#[derive(Debug, Deserialize)]
struct Check {
    /// `pass`, `fail`, `error` or `unknown`.
    status: String,
    /// The objects that it was evaluated for.
    #[serde(default)]
    instances: Option<Vec<CheckInstance>>,
}

/// Outcome for one object.
#[derive(Debug, Deserialize)]
struct CheckInstance {
    #[serde(default)]
    problems: Vec<Problem>,
}

/// One failed condition.
#[derive(Debug, Deserialize)]
struct Problem {
    /// The condition's `error_message`.
    message: String,
}

/// What happens to a resource, the most drastic first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// It is destroyed.
    Destroy,
    /// It is destroyed and created again, in either order.
    Replace,
    /// Terraform no longer manages it; it stays.
    Forget,
    /// It is changed in place.
    Update,
    /// It is created.
    Create,
    /// It stays as it is, or it is only read.
    Keep,
}

impl Plan {
    /// Reads a plan file.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let json = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        Self::parse(&json).with_context(|| path.display().to_string())
    }

    /// Reads a plan's text.
    ///
    /// An unknown format is an error, and so is a plan that Terraform could not finish: a review of a part
    /// of a plan would mislead.
    pub fn parse(json: &str) -> anyhow::Result<Self> {
        #[derive(Deserialize)]
        struct Line {
            test_plan: Plan,
        }
        let plan = match serde_json::from_str::<Line>(json) {
            Ok(line) => line.test_plan,
            Err(_) => serde_json::from_str(json)
                .context("this is not the JSON of `terraform show -json PLAN`")?,
        };
        ensure!(
            plan.format_version.starts_with("1."),
            "the plan has format {}; ops reads 1.x",
            plan.format_version
        );
        ensure!(
            !plan.errored,
            "Terraform could not finish this plan: run `terraform plan` and read its error"
        );
        Ok(plan)
    }

    /// Managed resources to which something happens.
    pub fn changed(&self) -> impl Iterator<Item = &Resource> {
        self.managed().filter(|resource| resource.action() != Action::Keep)
    }

    /// Every managed resource, also those that do not change.
    pub fn managed(&self) -> impl Iterator<Item = &Resource> {
        self.resource_changes.iter().filter(|resource| resource.mode == "managed")
    }

    /// The managed resources of a type that exist after the apply.
    pub fn planned<'a>(&'a self, kind: &str) -> impl Iterator<Item = &'a Resource> {
        self.managed().filter(move |r| r.kind == kind && !r.change.after.is_null())
    }

    /// The messages of failed `check` blocks and conditions.
    pub(crate) fn warnings(&self) -> impl Iterator<Item = &str> {
        let failed = |check: &&Check| matches!(check.status.as_str(), "fail" | "error");
        let instances =
            self.checks.iter().filter(failed).flat_map(|check| check.instances.iter().flatten());
        instances.flat_map(|instance| &instance.problems).map(|problem| problem.message.as_str())
    }
}

impl Resource {
    /// What happens to it.
    #[must_use]
    pub fn action(&self) -> Action {
        let actions: Vec<&str> = self.change.actions.iter().map(String::as_str).collect();
        match actions[..] {
            ["delete"] => Action::Destroy,
            ["delete", "create"] | ["create", "delete"] => Action::Replace,
            ["forget"] => Action::Forget,
            ["create"] => Action::Create,
            ["update"] => Action::Update,
            _ => Action::Keep,
        }
    }

    /// A string attribute before the change, or nothing.
    #[must_use]
    pub fn before(&self, name: &str) -> Option<&str> {
        self.change.before[name].as_str()
    }

    /// A string attribute after the change, or nothing.
    #[must_use]
    pub fn after(&self, name: &str) -> Option<&str> {
        self.change.after[name].as_str()
    }

    /// The attributes after the change, as a type. An empty string is an absent value: that is how the
    /// state writes one.
    pub fn attributes<T: DeserializeOwned>(&self) -> anyhow::Result<T> {
        T::deserialize(without_empty(&self.change.after)).with_context(|| self.address.clone())
    }

    /// The attributes that force the replacement, as dotted paths.
    #[must_use]
    pub fn replaced_for(&self) -> Vec<String> {
        let step =
            |value: &Value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
        self.change
            .replace_paths
            .iter()
            .map(|path| path.iter().map(step).collect::<Vec<_>>().join("."))
            .collect()
    }

    /// Whether an attribute differs before and after, or will once it is known.
    #[must_use]
    pub fn changes(&self, name: &str) -> bool {
        self.change.before[name] != self.change.after[name]
    }
}

fn without_empty(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let set = members.iter().filter(|(_, value)| **value != "");
            set.map(|(name, value)| (name.clone(), without_empty(value))).collect()
        }
        Value::Array(items) => items.iter().map(without_empty).collect(),
        other => other.clone(),
    }
}
