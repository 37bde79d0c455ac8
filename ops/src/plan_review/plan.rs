//! A plan as `terraform show -json` writes it: only what the review reads.
//!
//! Source: <https://developer.hashicorp.com/terraform/internals/json-format>.

use anyhow::{Context as _, bail};
use serde::Deserialize;
use serde_json::Value;

/// A plan.
#[derive(Debug, Deserialize)]
pub(crate) struct Plan {
    /// Major and minor version of the format; this module reads 1.x.
    format_version: String,
    /// Every resource of the configuration, those that stay as they are included.
    #[serde(default)]
    pub(crate) resource_changes: Vec<Resource>,
    /// What was changed outside of Terraform since the last apply.
    #[serde(default)]
    pub(crate) resource_drift: Vec<Resource>,
    /// Terraform could not finish the plan.
    #[serde(default)]
    pub(crate) errored: bool,
    /// Outcomes of `check` blocks and conditions.
    #[serde(default)]
    pub(crate) checks: Vec<Check>,
}

/// One resource and what happens to it.
#[derive(Debug, Deserialize)]
pub(crate) struct Resource {
    /// Such as `aws_lb.this` or `aws_subnet.task["a"]`.
    pub(crate) address: String,
    /// `managed` or `data`.
    pub(crate) mode: String,
    /// Such as `aws_lb`.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// The values on either side.
    pub(crate) change: Change,
}

/// The values on either side of a change.
#[derive(Debug, Deserialize)]
pub(crate) struct Change {
    actions: Vec<String>,
    /// `null` when the resource is created.
    #[serde(default)]
    pub(crate) before: Value,
    /// `null` when the resource is destroyed; what is only known after apply is missing.
    #[serde(default)]
    pub(crate) after: Value,
    /// `true` wherever the value is only known after apply.
    #[serde(default)]
    pub(crate) after_unknown: Value,
    /// `true` wherever the value is sensitive.
    #[serde(default)]
    pub(crate) before_sensitive: Value,
    /// As `before_sensitive`.
    #[serde(default)]
    pub(crate) after_sensitive: Value,
    /// The attributes that cannot be changed in place.
    #[serde(default)]
    pub(crate) replace_paths: Vec<Vec<Value>>,
}

/// Outcome of one `check` block, precondition or postcondition.
#[derive(Debug, Deserialize)]
pub(crate) struct Check {
    /// `pass`, `fail`, `error` or `unknown`.
    pub(crate) status: String,
    /// The objects that it was made for.
    #[serde(default)]
    pub(crate) instances: Option<Vec<CheckInstance>>,
}

/// Outcome for one object.
#[derive(Debug, Deserialize)]
pub(crate) struct CheckInstance {
    /// What was wrong.
    #[serde(default)]
    pub(crate) problems: Vec<Problem>,
}

/// One failed condition.
#[derive(Debug, Deserialize)]
pub(crate) struct Problem {
    /// The condition's `error_message`.
    pub(crate) message: String,
}

/// What happens to a resource, the most drastic first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Action {
    /// It is destroyed.
    Destroy,
    /// It is destroyed and made anew, in either order.
    Replace,
    /// Terraform stops looking after it; it stays.
    Forget,
    /// It is changed in place.
    Update,
    /// It is created.
    Create,
    /// Nothing that anybody has to look at.
    Keep,
}

impl Plan {
    /// Reads a plan.
    ///
    /// An unknown format or a plan that Terraform could not finish is an error: a review of half a
    /// plan would be worse than none.
    pub(crate) fn read(json: &[u8]) -> anyhow::Result<Self> {
        let plan: Self = serde_json::from_slice(json)
            .context("this is not the JSON of `terraform show -json PLAN`")?;
        if !plan.format_version.starts_with("1.") {
            bail!("the plan has format {}; this review reads 1.x", plan.format_version);
        }
        if plan.errored {
            bail!("Terraform could not finish this plan: run `terraform plan` and read its error");
        }
        Ok(plan)
    }

    /// Managed resources to which something happens.
    pub(crate) fn changed(&self) -> impl Iterator<Item = &Resource> {
        self.managed().filter(|resource| resource.action() != Action::Keep)
    }

    /// Every managed resource, those that stay as they are included.
    pub(crate) fn managed(&self) -> impl Iterator<Item = &Resource> {
        self.resource_changes.iter().filter(|resource| resource.mode == "managed")
    }

    /// What failed `check` blocks and conditions say.
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
    pub(crate) fn action(&self) -> Action {
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
    pub(crate) fn before(&self, name: &str) -> Option<&str> {
        self.change.before[name].as_str()
    }

    /// A string attribute after the change, or nothing.
    #[must_use]
    pub(crate) fn after(&self, name: &str) -> Option<&str> {
        self.change.after[name].as_str()
    }

    /// The attributes that force the replacement, as dotted paths.
    #[must_use]
    pub(crate) fn replaced_for(&self) -> Vec<String> {
        let step =
            |value: &Value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
        self.change
            .replace_paths
            .iter()
            .map(|path| path.iter().map(step).collect::<Vec<_>>().join("."))
            .collect()
    }

    /// Whether the two sides differ in an attribute, or will once it is known.
    #[must_use]
    pub(crate) fn changes(&self, name: &str) -> bool {
        self.change.before[name] != self.change.after[name]
    }
}
