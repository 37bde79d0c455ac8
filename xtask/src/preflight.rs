//! What this repository lacks on GitHub, before anything is built. The workflow `deploy` calls it.
//!
//! Without required reviewers the job `apply` does not fail: it deploys. So a deployment without an approval is refused
//! here, unless the variable `UNREVIEWED_DEPLOYMENTS` of the repository is `accepted`.

use crate::command::{command, output};

/// Arguments of the command, from the environment of the workflow. `gh` reads `GH_TOKEN` (actions: read).
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The repository, as OWNER/NAME
    #[arg(long, env = "GITHUB_REPOSITORY")]
    repository: String,
    /// Whether the repository is private
    #[arg(long, env = "PRIVATE", default_value = "false", action = clap::ArgAction::Set)]
    private: bool,
    /// `accepted` allows deployments that nobody approves
    #[arg(long, env = "UNREVIEWED_DEPLOYMENTS", default_value = "")]
    unreviewed: String,
}

/// Prints what is missing as GitHub's annotations; whether a deployment may begin.
pub fn run(args: &Args) -> anyhow::Result<bool> {
    let environment = format!("repos/{}/environments/production", args.repository);
    let mut gh = command("gh");
    gh.args(["api", &environment, "--jq", ".protection_rules[].type"]);
    let rules = output(&mut gh).inspect_err(|_| println!("{NO_ENVIRONMENT}"))?;
    if args.private {
        println!("{PRIVATE}");
    }
    let reviewed = rules.split_whitespace().any(|rule| rule == "required_reviewers");
    let accepted = args.unreviewed == "accepted";
    if !reviewed {
        println!("{}", if accepted { UNREVIEWED } else { NOBODY_APPROVES });
    }
    Ok(reviewed || accepted)
}

const NO_ENVIRONMENT: &str = "::error title=No environment::GitHub shows no environment production here. docs/ci.md, \"What has to be set up\", lists the environments.";
const PRIVATE: &str = "::warning title=Private repository::Signed images and required reviewers need GitHub Enterprise in a private repository. With another plan, the job images fails when it signs. docs/ci.md, \"What needs a paid plan\".";
const UNREVIEWED: &str = "::warning title=Unreviewed deployment::Nobody has to approve this deployment: the environment production has no required reviewers.";
const NOBODY_APPROVES: &str = "::error title=Nobody approves::The environment production has no required reviewers, so nobody would approve this deployment. Add them, or set the variable UNREVIEWED_DEPLOYMENTS of the repository to accepted.";
