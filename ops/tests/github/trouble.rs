//! Errors that end the command before it writes anything.

use super::standin::GitHub;
use super::{Outcome, setup, setup_of};

fn refused(github: &GitHub, outcome: &Outcome, reason: &str) {
    assert!(!outcome.good && outcome.said.contains(reason), "{reason}: {}", outcome.said);
    assert_eq!(github.writes(), [""; 0], "{reason}");
}

#[test]
fn invalid_argument_ends_the_command() {
    let github = GitHub::start();
    for (arguments, reason) in [
        (["--repository", "octo"], "the repository is `octo`: expected OWNER/NAME"),
        (["--repository", "octo/other"], "the roles of AWS trust octo/sum-api, not octo/other"),
        (["--reviewer", "nobody"], "reviewer `nobody`: GitHub answers 404: Not Found"),
        (["--reviewer", "octo/nobody"], "reviewer `octo/nobody`: GitHub answers 404"),
        (["--reviewer", "a/b/c"], "reviewer `a/b/c`: expected a login or ORG/TEAM"),
        (["--reviewer", "a,b,c,d,e,f,g"], "7 reviewers: GitHub takes 6 at most"),
    ] {
        refused(&github, &setup(&github, &arguments, &[]), reason);
    }
}

#[test]
fn value_for_one_environment_needs_its_name() {
    let (github, stacks) = (GitHub::start(), ["production", "staging"]);
    let key = ("SMOKE_API_KEYS", "{}");
    let outcome = setup_of(&stacks, &github, &[], &[key]);
    let reason = "SMOKE_API_KEYS is for one environment. Name it with ENVIRONMENT: one of production, staging";
    refused(&github, &outcome, reason);
    let outcome = setup_of(&stacks, &github, &[], &[("ENVIRONMENT", "stage")]);
    refused(&github, &outcome, "unknown environment stage: use one of production, staging");
}

#[test]
fn login_without_admin_right_ends_the_command() {
    let github = GitHub::start();
    github.state().admin = false;
    refused(
        &github,
        &setup(&github, &[], &[]),
        "this login is not an administrator of octo/sum-api",
    );
}

#[test]
fn missing_login_or_gh_ends_the_command() {
    let github = GitHub::start();
    let outcome = setup(&github, &[], &[("GH_TOKEN", "expired")]);
    refused(&github, &outcome, "GitHub answers 401: Bad credentials: log in with `gh auth login`");
    let outcome = setup(&github, &[], &[("GH_TOKEN", "")]);
    refused(&github, &outcome, "gh auth login");
    let outcome = setup(&github, &[], &[("PATH", "/usr/local/bin")]);
    refused(&github, &outcome, "install GitHub's command line tool");
}

#[test]
fn rate_limit_and_github_failure_end_the_command() {
    let github = GitHub::start();
    for (broken, reason) in [
        ((429, "", "slow down"), "GitHub answers 429: slow down: the rate limit is spent"),
        (
            (403, "retry-after: 60", "secondary"),
            "the rate limit is spent; repeat the command later",
        ),
        ((502, "", "Bad Gateway"), "GitHub has failed; repeat the command later"),
    ] {
        github.state().broken = Some(broken);
        refused(&github, &setup(&github, &[], &[]), reason);
    }
}

#[test]
fn other_default_branch_counts_as_missing() {
    let github = GitHub::start();
    github.state().default_branch = "trunk".to_owned();
    let outcome = setup(&github, &["--check"], &[]);
    let line =
        "repository: default branch: it is trunk, and the roles of AWS trust workflows on main";
    assert!(outcome.lines("missing").contains(&line), "{}", outcome.said);
}
