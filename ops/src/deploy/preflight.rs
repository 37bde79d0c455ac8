//! What this repository lacks on GitHub, before anything is built. The workflow `deploy` calls it.
//!
//! Without required reviewers the job `apply` does not fail: it deploys. So a deployment without an approval is refused
//! here, unless the variable `UNREVIEWED_DEPLOYMENTS` of the repository is `accepted`.

use super::environment::Environment;
use crate::release::process::{command, output};

/// Arguments of the command, from the environment of the workflow. `gh` reads `GH_TOKEN` (actions: read).
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The repository, as OWNER/NAME
    #[arg(long, env = "GITHUB_REPOSITORY")]
    repository: String,
    /// The environment that is deployed
    #[arg(long, env = "ENVIRONMENT", default_value = "")]
    environment: Environment,
    /// Whether the repository is private
    #[arg(long, env = "PRIVATE", default_value = "false", action = clap::ArgAction::Set)]
    private: bool,
    /// `accepted` allows deployments that nobody approves
    #[arg(long, env = "UNREVIEWED_DEPLOYMENTS", default_value = "")]
    unreviewed: String,
}

impl Args {
    /// Prints what is missing as GitHub's annotations; whether a deployment may begin.
    pub(super) fn run(&self) -> anyhow::Result<bool> {
        let name = &self.environment;
        let path = format!("repos/{}/environments/{name}", self.repository);
        let mut gh = command("gh api --jq", [".protection_rules[].type", &path]);
        let rules = output(&mut gh).inspect_err(|_| {
            println!("::error title=No environment::GitHub shows no environment {name} here. docs/ci.md, \"What has to be set up\", lists the environments.");
        })?;
        if self.private {
            println!("{PRIVATE}");
        }
        let reviewed = rules.split_whitespace().any(|rule| rule == "required_reviewers");
        let accepted = self.unreviewed == "accepted";
        if !reviewed && accepted {
            println!(
                "::warning title=Unreviewed deployment::Nobody has to approve this deployment: the environment {name} has no required reviewers."
            );
        } else if !reviewed {
            println!(
                "::error title=Nobody approves::The environment {name} has no required reviewers, so nobody would approve this deployment. Add them, or set the variable UNREVIEWED_DEPLOYMENTS of the repository to accepted."
            );
        }
        Ok(reviewed || accepted)
    }
}

const PRIVATE: &str = "::warning title=Private repository::Signed images and required reviewers need GitHub Enterprise in a private repository. With another plan, the job images fails when it signs. docs/ci.md, \"What needs a paid plan\".";
