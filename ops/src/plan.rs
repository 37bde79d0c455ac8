//! Reads a Terraform plan in JSON, for the review, the rollback, the alarms and the drill.
//!
//! It reads the output of `terraform show -json`, and the line of type `test_plan` in the output of
//! `terraform test -json -verbose`. That line has mock values where AWS assigns values, such as the suffix of a load
//! balancer's ARN or the ARNs of topics. So the tests of references read it.
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
    /// Every resource of the configuration, including unchanged ones.
    #[serde(default)]
    pub resource_changes: Vec<Resource>,
    /// Resources that were changed outside of Terraform after the last apply.
    #[serde(default)]
    pub resource_drift: Vec<Resource>,
    /// Terraform could not finish the plan.
    #[serde(default)]
    errored: bool,
    /// Results of `check` blocks and conditions.
    #[serde(default)]
    checks: Vec<Check>,
}

/// One resource and its change.
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
    /// `null` when the resource is destroyed. It has no values that are only known after the apply.
    #[serde(default)]
    pub after: Value,
    /// `true` for each value that is only known after the apply.
    #[serde(default)]
    pub after_unknown: Value,
    /// `true` for each sensitive value.
    #[serde(default)]
    pub before_sensitive: Value,
    /// As `before_sensitive`.
    #[serde(default)]
    pub after_sensitive: Value,
    /// The attributes that cannot be changed in place.
    #[serde(default)]
    replace_paths: Vec<Vec<Value>>,
}

/// Result of one `check` block, precondition or postcondition.
#[derive(Debug, Deserialize)]
struct Check {
    /// `pass`, `fail`, `error` or `unknown`.
    status: String,
    /// Results for each object.
    #[serde(default)]
    instances: Option<Vec<CheckInstance>>,
}

/// Result for one object.
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

/// The action on a resource, the most drastic first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// It is destroyed.
    Destroy,
    /// It is destroyed and created again, in either order.
    Replace,
    /// Terraform no longer manages it, but it continues to exist.
    Forget,
    /// It is changed in place.
    Update,
    /// It is created.
    Create,
    /// It does not change, or Terraform only reads it.
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
    /// An unknown format is an error. An unfinished plan is also an error, because a review of an incomplete plan
    /// misleads.
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
            "the plan has format {}, but ops reads 1.x",
            plan.format_version
        );
        ensure!(
            !plan.errored,
            "Terraform could not finish this plan: run `terraform plan` and read its error"
        );
        Ok(plan)
    }

    /// Managed resources that change.
    pub fn changed(&self) -> impl Iterator<Item = &Resource> {
        self.managed().filter(|resource| resource.action() != Action::Keep)
    }

    /// Every managed resource, including unchanged ones.
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
    /// The action on the resource.
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

    /// A string attribute before the change, if it exists.
    #[must_use]
    pub fn before(&self, name: &str) -> Option<&str> {
        self.change.before[name].as_str()
    }

    /// A string attribute after the change, if it exists.
    #[must_use]
    pub fn after(&self, name: &str) -> Option<&str> {
        self.change.after[name].as_str()
    }

    /// The attributes after the change, as a type. An empty string counts as absent, because the state writes absent
    /// strings as empty ones.
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

    /// Whether an attribute changes. An attribute that is only known after the apply also counts as changed.
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
