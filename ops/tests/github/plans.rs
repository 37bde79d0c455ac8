//! Private repositories: the command reports the settings that the plan does not include, and sets all others.

use super::setup;
use super::standin::{GitHub, Plan};

const KEYS: [(&str, &str); 1] = [("SMOKE_API_KEYS", "{}")];
const PAID: &str = "In a private repository this needs";

fn private(plan: Plan) -> GitHub {
    let github = GitHub::start();
    let mut state = github.state();
    (state.private, state.plan) = (true, plan);
    drop(state);
    github
}

#[test]
fn enterprise_plan_gets_every_setting() {
    let outcome = setup(&private(Plan::Enterprise), &["--reviewer", "alice"], &KEYS);
    assert!(outcome.good && outcome.said.contains(" 0 missing"), "{}", outcome.said);
}

#[test]
fn pro_plan_gets_everything_except_reviewers() {
    let github = private(Plan::Pro);
    let outcome = setup(&github, &["--reviewer", "alice"], &KEYS);
    assert!(!outcome.good);
    let missing = outcome.lines("missing");
    assert_eq!(missing.len(), 1, "{}", outcome.said);
    assert!(missing[0].starts_with("production: reviewers: GitHub answers 422: Failed to create the environment protection rule."));
    assert!(
        missing[0].contains(&format!("{PAID} GitHub Enterprise (docs/ci.md")),
        "{}",
        missing[0]
    );
    // The environment has all other settings.
    let state = github.state();
    let production = &state.environments["production"];
    assert_eq!((production.branches.len(), production.secrets.len()), (1, 1));
    assert_eq!(state.rulesets.len(), 1);
}

#[test]
fn free_plan_reports_every_refusal_and_continues() {
    for status in [403, 404, 422] {
        let github = private(Plan::Free);
        github.state().refusal = status;
        let outcome = setup(&github, &["--reviewer", "alice"], &KEYS);
        assert!(!outcome.good);
        let missing = outcome.lines("missing");
        for environment in ["plan", "production", "publish"] {
            let text = format!(
                "{environment}: environment: GitHub answers {status}: Not Found. {PAID} GitHub Pro, Team or Enterprise"
            );
            assert!(missing.iter().any(|line| line.starts_with(&text)), "{}", outcome.said);
        }
        let rules =
            missing.iter().find(|line| line.starts_with("repository: ruleset main: ")).unwrap();
        assert!(
            rules.contains("403: Upgrade to GitHub Pro or make this repository public")
                && rules.contains(PAID)
        );
        assert_eq!(missing.len(), 7, "{}", outcome.said);
        // A variable of the repository needs no plan.
        assert_eq!(outcome.lines("set"), ["repository: variable ENVIRONMENTS"]);
    }
}

#[test]
fn refused_reviewers_leave_the_old_ones() {
    let github = private(Plan::Enterprise);
    assert!(setup(&github, &["--reviewer", "alice"], &KEYS).good);
    github.state().plan = Plan::Pro;
    github.writes();
    let outcome = setup(&github, &["--reviewer", "bob"], &[]);
    assert!(!outcome.good);
    assert_eq!(outcome.lines("missing").len(), 1, "{}", outcome.said);
    let reviewers = github.state().environments["production"].rules["reviewers"].clone();
    assert_eq!(reviewers, serde_json::json!([{ "type": "User", "id": 11 }]));
}

#[test]
fn public_repository_gets_no_text_about_plans() {
    let github = GitHub::start();
    let outcome = setup(&github, &[], &[]);
    assert!(!outcome.good);
    let missing = outcome.lines("missing");
    assert_eq!(missing.len(), 1, "{}", outcome.said);
    assert!(missing.iter().any(|line| line.starts_with("production: reviewers: the environment has no reviewers")));
    assert!(
        outcome.lines("optional").iter().any(
            |line| line.starts_with("production: secret SMOKE_API_KEYS: export SMOKE_API_KEYS")
        )
    );
    assert!(!outcome.said.contains("needs GitHub"), "{}", outcome.said);
}
