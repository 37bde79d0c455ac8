//! The review of a plan, for the person who approves it.

use std::fs;

use super::stack::Stack;
use super::terraform::Planned;
use crate::plan_review::{self, Refusal};
use crate::release::github;

impl Stack {
    /// Writes the review to the job's summary and to the terminal. Returns the refusal, if the plan breaks a rule.
    pub(super) fn review(
        &self,
        plan: &Planned,
        allow: &[String],
    ) -> anyhow::Result<Option<Refusal>> {
        let file = self.terraform.scratch.join("review.md");
        let allow = allow.iter().filter(|rule| !rule.is_empty()).cloned().collect();
        let refusal = plan_review::judge(&plan_review::Args::new(&plan.json_file, &file, allow))?;
        github::summary(&fs::read_to_string(file)?)?;
        Ok(refusal)
    }
}
