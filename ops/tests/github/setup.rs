//! The setup of a repository, and repeated setups.

use std::sync::LazyLock;

use serde_json::json;

use super::standin::{GitHub, State};
use super::{Outcome, setup, setup_of};

/// A made-up key.
const SECRETS: [(&str, &str); 1] = [("SMOKE_API_KEYS", r#"{"sum":"not-a-smoke-key"}"#)];
const REVIEWERS: [&str; 2] = ["--reviewer", "alice,octo/ops"];

/// A repository after the setup. The setup runs once, and each test gets a copy.
fn ready() -> GitHub {
    static READY: LazyLock<State> = LazyLock::new(|| {
        let github = GitHub::start();
        let outcome = setup(&github, &REVIEWERS, &SECRETS);
        assert!(outcome.good, "{}", outcome.said);
        github.writes();
        github.state().clone()
    });
    GitHub::with(READY.clone())
}

fn unchanged(outcome: &Outcome) -> bool {
    outcome.good
        && ["set", "changed", "removed", "missing"].iter().all(|w| outcome.lines(w).is_empty())
}

#[test]
fn new_repository_gets_every_setting() {
    let github = GitHub::start();
    let outcome = setup(&github, &REVIEWERS, &SECRETS);
    assert!(outcome.good, "{}", outcome.said);
    assert!(
        outcome.said.ends_with("1 ok, 19 set, 0 changed, 0 removed, 0 missing\n"),
        "{}",
        outcome.said
    );
    assert!(!outcome.said.contains("not-a-"), "the command printed a secret: {}", outcome.said);

    let state = github.state();
    let names: Vec<&str> = state.environments.keys().map(String::as_str).collect();
    assert_eq!(names, ["plan", "production", "publish"]);
    for (name, environment) in &state.environments {
        let branches: Vec<_> = environment.branches.values().collect();
        assert_eq!(branches, [&("main".to_owned(), "branch".to_owned())], "{name}");
        assert_eq!(environment.variables["AWS_REGION"], "us-east-1");
        assert_eq!(environment.rules.get("reviewers").is_some(), name == "production");
    }
    let production = &state.environments["production"];
    assert_eq!(production.rules["prevent_self_review"], true);
    let reviewers = json!([{ "type": "User", "id": 11 }, { "type": "Team", "id": 11 }]);
    assert_eq!(production.rules["reviewers"], reviewers);
    let secrets: Vec<_> =
        production.secrets.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    assert_eq!(secrets, SECRETS);
    let roles = ["plan", "production", "publish"]
        .map(|n| state.environments[n].variables["AWS_ROLE"].clone());
    let role = |name: &str| format!("arn:aws:iam::123456789012:role/{name}");
    assert_eq!(roles, ["plan-production", "apply-production", "publish-all"].map(role));
    assert_eq!(production.variables["TF_BACKEND"], "key = \"production\"\n");
    let publish = &state.environments["publish"];
    assert_eq!(publish.variables["REGISTRY"], "123456789012.dkr.ecr.us-east-1.amazonaws.com");
    assert!(publish.secrets.is_empty());
    assert_eq!(state.rulesets.len(), 1);
}

#[test]
fn second_setup_changes_nothing() {
    let github = ready();
    let outcome = setup(&github, &[], &[]);
    assert!(unchanged(&outcome), "{}", outcome.said);
    assert_eq!(outcome.lines("ok").len(), 20, "{}", outcome.said);
    assert_eq!(github.writes(), [""; 0]);
    // The same reviewers again are not a change.
    let outcome = setup(&github, &REVIEWERS, &[]);
    assert!(unchanged(&outcome), "{}", outcome.said);
    assert_eq!(github.writes(), [""; 0]);
}

#[test]
fn given_secret_is_written_again() {
    let github = ready();
    let outcome = setup(&github, &[], &[("SMOKE_API_KEYS", "another-key")]);
    assert_eq!(outcome.lines("changed"), ["production: secret SMOKE_API_KEYS"], "{}", outcome.said);
    assert!(outcome.good && !outcome.said.contains("another-key"), "{}", outcome.said);
    assert_eq!(github.state().environments["production"].secrets["SMOKE_API_KEYS"], "another-key");
}

#[test]
fn only_differences_are_written() {
    let github = ready();
    {
        let mut state = github.state();
        let plan = state.environments.get_mut("plan").unwrap();
        plan.variables.insert("AWS_ROLE".to_owned(), "another".to_owned());
        plan.variables.insert("OF_SOMEBODY".to_owned(), "kept".to_owned());
        let production = state.environments.get_mut("production").unwrap();
        production.rules["wait_timer"] = 30.into();
        production.rules["prevent_self_review"] = false.into();
        production.branches.insert(9, ("release/*".to_owned(), "branch".to_owned()));
        production.branches.insert(10, ("main".to_owned(), "tag".to_owned()));
        state.environments.get_mut("publish").unwrap().rules["deployment_branch_policy"] =
            json!({ "protected_branches": true, "custom_branch_policies": false });
        state.rulesets[0]["bypass_actors"] =
            json!([{ "actor_id": 5, "actor_type": "RepositoryRole", "bypass_mode": "always" }]);
    }
    let outcome = setup(&github, &["--check"], &[]);
    assert!(!outcome.good);
    assert_eq!(outcome.lines("missing").len(), 6, "{}", outcome.said);
    assert_eq!(github.writes(), [""; 0]);

    let outcome = setup(&github, &[], &[]);
    assert!(outcome.good, "{}", outcome.said);
    let changed = [
        "plan: variable AWS_ROLE",
        "production: reviewers",
        "publish: environment",
        "repository: ruleset main",
    ];
    assert_eq!(outcome.lines("changed"), changed);
    assert_eq!(
        outcome.lines("removed"),
        ["production: branch release/*", "production: branch main"]
    );
    assert_eq!(outcome.lines("set"), [""; 0]);
    assert_eq!(github.writes().len(), 6);
    {
        let state = github.state();
        assert_eq!(state.environments["plan"].variables["OF_SOMEBODY"], "kept");
        let rules = &state.environments["production"].rules;
        assert_eq!(
            (&rules["wait_timer"], &rules["prevent_self_review"]),
            (&json!(30), &json!(true))
        );
        assert_eq!(rules["reviewers"].as_array().unwrap().len(), 2);
        assert_eq!(state.rulesets[0]["bypass_actors"], json!([]));
    }
    let outcome = setup(&github, &[], &[]);
    assert!(unchanged(&outcome), "{}", outcome.said);
}

#[test]
fn check_of_a_new_repository_writes_nothing() {
    let github = GitHub::start();
    let outcome = setup(&github, &["--check", "--reviewer", "alice"], &SECRETS);
    assert!(!outcome.good);
    assert!(
        outcome.lines("missing").contains(&"production: environment: is not set"),
        "{}",
        outcome.said
    );
    assert!(outcome.lines("missing").contains(&"repository: ruleset main: is not set"));
    assert_eq!(github.writes(), [""; 0]);
}

#[test]
fn every_page_of_a_list_is_read() {
    let github = ready();
    for number in 0..70 {
        let mut state = github.state();
        let plan = state.environments.get_mut("plan").unwrap();
        plan.variables.insert(format!("A_{number:02}"), String::new());
        let ruleset = json!({ "id": 100 + number, "name": format!("other {number}") });
        state.rulesets.insert(0, ruleset);
    }
    let outcome = setup(&github, &[], &[]);
    assert!(unchanged(&outcome), "{}", outcome.said);
    let pages = |path: &str| github.state().requests.iter().filter(|r| r.contains(path)).count();
    assert_eq!((pages("environments/plan/variables"), pages("sum-api/rulesets?")), (3, 3));
}

#[test]
fn given_optional_settings_are_set() {
    let github = ready();
    let given = [("PLATFORM", "linux/arm64"), ("TF_VARS", "environment = \"production\"\n")];
    let outcome = setup(&github, &["--accept-unreviewed"], &given);
    let set = [
        "plan: variable TF_VARS",
        "plan: variable PLATFORM",
        "production: variable TF_VARS",
        "repository: variable UNREVIEWED_DEPLOYMENTS",
    ];
    assert_eq!(outcome.lines("set"), set, "{}", outcome.said);
    let state = github.state();
    assert_eq!(state.environments["plan"].variables["PLATFORM"], "linux/arm64");
    assert_eq!(state.variables["UNREVIEWED_DEPLOYMENTS"], "accepted");
}

#[test]
fn given_reviewers_replace_the_old_ones() {
    let github = ready();
    let outcome = setup(&github, &["--allow-self-review"], &[("REVIEWERS", "bob")]);
    assert_eq!(outcome.lines("changed"), ["production: reviewers"], "{}", outcome.said);
    let state = github.state();
    let rules = &state.environments["production"].rules;
    assert_eq!(rules["reviewers"], json!([{ "type": "User", "id": 12 }]));
    assert_eq!(rules["prevent_self_review"], false);
}

#[test]
fn second_environment_does_not_change_the_first() {
    let (github, stacks) = (ready(), ["production", "staging"]);
    let given = [SECRETS[0], ("ENVIRONMENT", "staging")];
    let outcome = setup_of(&stacks, &github, &["--reviewer", "bob"], &given);
    assert!(outcome.good, "{}", outcome.said);
    let set = outcome.lines("set");
    assert_eq!(set.len(), 12, "{}", outcome.said);
    assert!(set.iter().all(|s| s.starts_with("staging: ") || s.starts_with("plan-staging: ")));
    assert_eq!(outcome.lines("changed"), ["repository: variable ENVIRONMENTS"]);
    assert!(!outcome.said.contains("production"), "{}", outcome.said);
    {
        let state = github.state();
        assert_eq!(state.environments["staging"].secrets.len(), 1);
        let plan = &state.environments["plan-staging"].variables;
        assert_eq!(plan["TF_BACKEND"], "key = \"staging\"\n");
        assert_eq!(plan["AWS_ROLE"], "arn:aws:iam::123456789012:role/plan-staging");
    }
    let outcome = setup_of(&stacks, &github, &[], &[]);
    assert!(unchanged(&outcome), "{}", outcome.said);
    assert_eq!(outcome.lines("ok").len(), 32, "{}", outcome.said);
}
