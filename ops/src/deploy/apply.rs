//! The jobs `plan` and `apply` of a workflow. A person approves between them.
//!
//! A saved plan holds values of the whole stack, so it never leaves its job: no artifact, no cache. Only a hash of its
//! changes passes to the job `apply`, which plans again. If the hash differs, then `main`, the variables or AWS changed
//! after the review, and `apply` refuses.

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
    /// Rules in rules/ that this plan may break, separated by spaces
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
    /// Fingerprint of the reviewed plan
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
            let text = "REVIEWED is empty: set it to the fingerprint of the reviewed plan. Nothing was applied";
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
                "the fingerprint of this plan is {found}, and that of the reviewed plan is {reviewed}: main, the variables or AWS changed after the review. Run the workflow again and review its plan"
            );
        }
        stack.terraform.apply(&plan)?;
        github::output(&format!("url={}", stack.url()?))?;
        Ok(true)
    }
}
