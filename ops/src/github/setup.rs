//! Compares GitHub with the list of settings, and writes the differences.

use std::path::PathBuf;

use anyhow::{Context as _, ensure};

use super::api::Repository;
use super::bootstrap::{self, Bootstrap};
use super::environment::{self, Approval};
use super::report::Report;
use super::settings::{SETTINGS, Scope, Setting};
use super::{reviewers, ruleset, values};

use crate::variable::given;

/// Arguments of the command. Secrets and optional variables come from the environment variables of their names.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The repository as OWNER/NAME; default: the repository that the roles trust
    #[arg(long, env = "GITHUB_REPOSITORY")]
    repository: Option<String>,
    /// One environment of the stack; default: all of them
    #[arg(long, env = "ENVIRONMENT")]
    environment: Option<String>,
    /// Reviewers of deployments: up to six logins and ORG/TEAM; default: the reviewers on GitHub
    #[arg(long = "reviewer", env = "REVIEWERS", value_delimiter = ',')]
    reviewers: Vec<String>,
    /// Let people approve deployments that they started themselves
    #[arg(long)]
    allow_self_review: bool,
    /// Allow deployments without an approval
    #[arg(long)]
    accept_unreviewed: bool,
    /// Show the differences, and change nothing
    #[arg(long)]
    check: bool,
    /// Folder of terraform/bootstrap
    #[arg(long, default_value = "terraform/bootstrap")]
    bootstrap: PathBuf,
    /// The repository's root
    #[arg(long, default_value = ".")]
    root: PathBuf,
}

/// Runs the command. Returns whether nothing is missing.
pub(super) fn run(args: &Args) -> anyhow::Result<bool> {
    let mut bootstrap = Bootstrap::read(&args.root.join(&args.bootstrap))?;
    let stack = args.environment.as_deref().filter(|name| !name.is_empty());
    bootstrap.choose(stack, &values_of_one_stack())?;
    let name = args.repository.as_deref().filter(|name| !name.is_empty());
    let repository = Repository::new(name.unwrap_or(&bootstrap.repository))?;
    ensure!(
        repository.name().eq_ignore_ascii_case(&bootstrap.repository),
        "the roles of AWS trust {}, not {}: change `repository` of terraform/bootstrap first",
        bootstrap.repository,
        repository.name()
    );
    let given = args.reviewers.iter().map(|name| name.trim()).filter(|name| !name.is_empty());
    let reviewers = reviewers::find(&given.map(str::to_owned).collect::<Vec<_>>())?;
    let mut report = open(&repository, &bootstrap, args.check)?;

    let approval = Approval { reviewers: &reviewers, allow_self_review: args.allow_self_review };
    for target in &bootstrap.environments {
        let approval = (target.scope == Scope::Apply).then_some(&approval);
        let branch = &bootstrap.branch;
        if environment::set(&repository, &mut report, &target.name, branch, approval)? {
            set_values(&repository, &mut report, &bootstrap, target)?;
        } else {
            let what = format!("{}: variables and secrets", target.name);
            report.missing(&what, "they need the environment");
        }
    }
    let mut wanted = vec![("ENVIRONMENTS", bootstrap.stacks.as_str())];
    if args.accept_unreviewed {
        wanted.push(("UNREVIEWED_DEPLOYMENTS", "accepted"));
    }
    values::set_variables(&repository, &mut report, ("actions", "repository"), &wanted)?;
    ruleset::set(&repository, &mut report, &args.root)?;
    Ok(report.finish())
}

/// Checks the repository before the first change.
fn open(repository: &Repository, bootstrap: &Bootstrap, check: bool) -> anyhow::Result<Report> {
    let name = repository.name();
    let found = repository.get("")?;
    let found = found.map_err(|refusal| anyhow::anyhow!("the repository {name}: {refusal}"))?;
    ensure!(
        found["permissions"]["admin"] == true,
        "this login is not an administrator of {name}: only an administrator can change its settings"
    );
    let private =
        found["private"].as_bool().context("GitHub did not return whether it is private")?;
    let mut report = Report::new(check, private);
    let branch = found["default_branch"].as_str().unwrap_or_default();
    if branch == bootstrap.branch {
        report.ok(&format!("repository: default branch {branch}"));
    } else {
        report.missing(
            "repository: default branch",
            &format!(
                "it is {branch}, and the roles of AWS trust workflows on {}",
                bootstrap.branch
            ),
        );
    }
    Ok(report)
}

/// The names of the given values that belong to one environment of the stack.
fn values_of_one_stack() -> Vec<&'static str> {
    let settings = SETTINGS.iter().filter(|setting| setting.scopes.contains(&Scope::Apply));
    let outside = settings.filter(|setting| setting.secret || setting.optional);
    outside.map(|setting| setting.name).filter(|name| given(name).is_some()).collect()
}

fn set_values(
    repository: &Repository,
    report: &mut Report,
    bootstrap: &Bootstrap,
    target: &bootstrap::Environment,
) -> anyhow::Result<()> {
    let here = |setting: &&Setting| setting.scopes.contains(&target.scope);
    let (mut variables, mut secrets) = (Vec::new(), Vec::new());
    for setting in SETTINGS.iter().filter(here) {
        let name = setting.name;
        if setting.secret {
            secrets.push((name, given(name)));
        } else if let Some(value) = bootstrap.value(target, name) {
            variables.push((name, value.to_owned()));
        } else if let Some(value) = given(name) {
            variables.push((name, value));
        } else {
            ensure!(setting.optional, "the variable {name} has no value");
        }
    }
    let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let place = format!("environments/{}", target.name);
    values::set_variables(repository, report, (&place, &target.name), &variables)?;
    values::set_secrets(repository, report, &target.name, &secrets)
}
