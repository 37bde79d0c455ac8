//! `plan` and `apply` of a workflow: two jobs, and a person between them.
//!
//! A saved plan holds values of the whole stack, so it never leaves the job that made it: no artifact, no cache. The hash of
//! everything that it changes passes from the reviewed plan to the apply. The apply plans once more, and refuses when the hash
//! differs: then `main` or AWS has changed since the review.

use anyhow::bail;

use super::Refused;
use super::contacts::Contacts;
use super::fingerprint;
use super::images::Given;
use super::stack::{Target, commit};
use crate::release::github;

/// Arguments of `plan`.
#[derive(Debug, clap::Args)]
pub(super) struct PlanArgs {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    given: Given,
    /// Rules of rules/ that this plan may break, separated by spaces
    #[arg(long, env = "ALLOW_RULES", value_delimiter = ' ')]
    allow: Vec<String>,
    #[command(flatten)]
    contacts: Contacts,
}

/// Arguments of `apply`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    given: Given,
    /// Fingerprint of the plan that a person reviewed
    #[arg(long, env = "REVIEWED", default_value = "")]
    reviewed: String,
}

impl PlanArgs {
    /// `Ok(false)`: the plan breaks a rule.
    pub(super) fn run(&self) -> anyhow::Result<bool> {
        self.target.check_service()?;
        let given = self.given.images()?;
        let mut stack = self.target.open()?;
        stack.use_images(given)?;
        let plan = stack.terraform.plan("plan", &[])?;
        self.contacts.check_plan(&self.target, &plan.json)?;
        let refusal = stack.review(&plan, &self.allow)?;
        github::output(&format!("changes={}", fingerprint::count(&plan.json)?))?;
        github::output(&format!("fingerprint={}", fingerprint::of(&plan.json, &commit()?)?))?;
        Ok(refusal.is_none())
    }
}

impl Args {
    pub(super) fn run(&self) -> anyhow::Result<bool> {
        self.target.check_service()?;
        let reviewed = self.reviewed.as_str();
        if reviewed.is_empty() {
            let text = "REVIEWED names no fingerprint: nothing was reviewed, nothing is applied";
            return Err(Refused(text.to_owned()).into());
        }
        let given = self.given.images()?;
        let mut stack = self.target.open()?;
        if let Some(previous) = stack.running()? {
            github::output(&format!("previous_api_image={}", previous.api))?;
            github::output(&format!("previous_nginx_image={}", previous.nginx))?;
        }
        stack.use_images(given)?;
        let plan = stack.terraform.plan("apply", &[])?;
        let found = fingerprint::of(&plan.json, &commit()?)?;
        if found != reviewed {
            bail!(
                "this is not the plan that was reviewed ({reviewed}) but another ({found}): main, the variables or AWS changed in between. Run the workflow again and review its plan"
            );
        }
        stack.terraform.apply(&plan)?;
        github::output(&format!("url={}", stack.url()?))?;
        Ok(true)
    }
}
