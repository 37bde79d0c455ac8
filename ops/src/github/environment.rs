//! The rules of a GitHub environment: its reviewers and its branch.
//!
//! GitHub's `PUT` replaces all rules of an environment. The setup therefore reads the current rules first and sends
//! them again. This keeps reviewers and wait timers that people added.

use serde_json::{Value, json};

use super::api::{Refusal, Repository};
use super::report::{Done, Feature, Report};
use super::reviewers::Reviewer;

/// The rules of an environment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Environment {
    /// People and teams. One of them must approve a deployment.
    pub(super) reviewers: Vec<Reviewer>,
    prevents_self_review: bool,
    wait_minutes: u64,
    /// Whether a list of branches restricts the environment.
    has_branch_list: bool,
}

/// The required approval.
#[derive(Debug)]
pub(super) struct Approval<'a> {
    /// If empty, the environment keeps its reviewers.
    pub(super) reviewers: &'a [Reviewer],
    pub(super) allow_self_review: bool,
}

impl Environment {
    /// Reads an environment. `None` if GitHub returns 404.
    pub(super) fn read(
        repository: &Repository,
        name: &str,
    ) -> anyhow::Result<Result<Option<Self>, Refusal>> {
        Ok(match repository.get(&format!("environments/{name}"))? {
            Ok(body) => Ok(Some(Self::from_json(&body))),
            Err(refusal) if refusal.is_not_found() => Ok(None),
            Err(refusal) => Err(refusal),
        })
    }

    fn from_json(body: &Value) -> Self {
        let rules = || body["protection_rules"].as_array().into_iter().flatten();
        let rule = |kind: &str| rules().find(|rule| rule["type"] == kind);
        let approval = rule("required_reviewers");
        let reviewers = approval.and_then(|rule| rule["reviewers"].as_array());
        let timer = rule("wait_timer").and_then(|rule| rule["wait_timer"].as_u64());
        Self {
            reviewers: reviewers.into_iter().flatten().filter_map(Reviewer::from_rule).collect(),
            prevents_self_review: approval.is_some_and(|rule| rule["prevent_self_review"] == true),
            wait_minutes: timer.unwrap_or(0),
            has_branch_list: body["deployment_branch_policy"]["custom_branch_policies"] == true,
        }
    }

    /// The body of a `PUT`. It contains rules that need a paid plan only when they are set.
    fn to_json(&self) -> Value {
        let mut body = json!({
            "deployment_branch_policy": { "protected_branches": false, "custom_branch_policies": self.has_branch_list },
        });
        if self.wait_minutes > 0 {
            body["wait_timer"] = self.wait_minutes.into();
        }
        if !self.reviewers.is_empty() {
            body["reviewers"] = self.reviewers.iter().map(Reviewer::to_json).collect();
            body["prevent_self_review"] = self.prevents_self_review.into();
        }
        body
    }

    fn with(&self, approval: &Approval<'_>) -> Self {
        let mut next = self.clone();
        if !approval.reviewers.is_empty() {
            next.reviewers = approval.reviewers.to_vec();
        }
        next.reviewers.sort();
        next.prevents_self_review = !approval.allow_self_review;
        next
    }
}

/// Sets an environment with its branch, and its reviewers if there is an `approval`. Returns whether the environment
/// exists.
pub(super) fn set(
    repository: &Repository,
    report: &mut Report,
    name: &str,
    branch: &str,
    approval: Option<&Approval<'_>>,
) -> anyhow::Result<bool> {
    let current = match Environment::read(repository, name)? {
        Ok(current) => current,
        Err(refusal) => {
            report.refused(&format!("{name}: environment"), Feature::Environments, &refusal);
            return Ok(false);
        }
    };
    let put = |environment: &Environment| {
        repository.send("PUT", &format!("environments/{name}"), &environment.to_json())
    };
    let there = current.is_some();
    let mut current = current.unwrap_or_default();
    current.reviewers.sort();
    let what = format!("{name}: environment");
    if there && current.has_branch_list {
        report.ok(&what);
    } else {
        let done = if there { Done::Changed } else { Done::Set };
        current.has_branch_list = true;
        if !report.write(done, &what, Feature::Environments, || put(&current))? {
            return Ok(there);
        }
    }
    set_branches(repository, report, name, branch)?;

    let Some(approval) = approval else { return Ok(true) };
    let what = format!("{name}: reviewers");
    let next = current.with(approval);
    if next.reviewers.is_empty() {
        report.missing(
            &what,
            "the environment has no reviewers. Name logins or ORG/TEAM with --reviewer",
        );
    } else if next == current {
        report.ok(&what);
    } else {
        let done = if current.reviewers.is_empty() { Done::Set } else { Done::Changed };
        report.write(done, &what, Feature::Reviewers, || put(&next))?;
    }
    Ok(true)
}

/// Restricts the environment to this branch: adds it and removes all other policies.
fn set_branches(
    repository: &Repository,
    report: &mut Report,
    name: &str,
    branch: &str,
) -> anyhow::Result<()> {
    let path = format!("environments/{name}/deployment-branch-policies");
    let what = |branch: &str| format!("{name}: branch {branch}");
    let policies = match repository.list(&path, Some("branch_policies"))? {
        Ok(policies) => policies,
        Err(refusal) => {
            report.refused(&what(branch), Feature::Environments, &refusal);
            return Ok(());
        }
    };
    // A policy for tags has the type `tag`. Older versions of GitHub return no type.
    let is_ours = |policy: &Value| policy["name"] == branch && policy["type"] != "tag";
    if policies.iter().any(is_ours) {
        report.ok(&what(branch));
    } else {
        let body = json!({ "name": branch, "type": "branch" });
        report.write(Done::Set, &what(branch), Feature::Environments, || {
            repository.send("POST", &path, &body)
        })?;
    }
    for policy in policies.iter().filter(|policy| !is_ours(policy)) {
        let other = what(policy["name"].as_str().unwrap_or_default());
        report.write(Done::Removed, &other, Feature::Environments, || {
            repository.send("DELETE", &format!("{path}/{}", policy["id"]), &Value::Null)
        })?;
    }
    Ok(())
}
