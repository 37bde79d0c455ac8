//! Checks the settings of the GitHub repository before the workflow `deploy` builds anything.
//!
//! Without required reviewers the job `apply` deploys without an approval. So this check refuses the deployment, unless
//! the repository's variable `UNREVIEWED_DEPLOYMENTS` is `accepted`.

use super::environment::Environment;
use crate::release::process::{command, output};

/// Arguments of the command, from the environment of the workflow. `gh` reads `GH_TOKEN` (actions: read).
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The repository, as OWNER/NAME
    #[arg(long, env = "GITHUB_REPOSITORY")]
    repository: String,
    /// The environment to deploy to
    #[arg(long, env = "ENVIRONMENT", default_value = "")]
    environment: Environment,
    /// Whether the repository is private
    #[arg(long, env = "PRIVATE", default_value = "false", action = clap::ArgAction::Set)]
    private: bool,
    /// `accepted` allows deployments without an approval
    #[arg(long, env = "UNREVIEWED_DEPLOYMENTS", default_value = "")]
    unreviewed: String,
}

impl Args {
    /// Prints what is missing as annotations of GitHub. Returns whether the deployment may start.
    pub(super) fn run(&self) -> anyhow::Result<bool> {
        let name = &self.environment;
        let path = format!("repos/{}/environments/{name}", self.repository);
        let mut gh = command("gh api --jq", [".protection_rules[].type", &path]);
        let rules = output(&mut gh).inspect_err(|_| {
            println!("::error title=No environment::GitHub returned no environment {name}. docs/ci.md, \"GitHub settings\", lists the environments.");
        })?;
        if self.private {
            println!("{PRIVATE}");
        }
        let reviewed = rules.split_whitespace().any(|rule| rule == "required_reviewers");
        let accepted = self.unreviewed == "accepted";
        if !reviewed && accepted {
            println!(
                "::warning title=Unreviewed deployment::This deployment needs no approval, because the environment {name} has no required reviewers."
            );
        } else if !reviewed {
            println!(
                "::error title=No reviewers::The environment {name} has no required reviewers, so nobody would approve this deployment. Add reviewers, or set the repository's variable UNREVIEWED_DEPLOYMENTS to accepted."
            );
        }
        Ok(reviewed || accepted)
    }
}

const PRIVATE: &str = "::warning title=Private repository::In a private repository, signed images and required reviewers need GitHub Enterprise. With another plan, the job images fails when it signs. docs/ci.md, \"Features of a paid plan\".";
