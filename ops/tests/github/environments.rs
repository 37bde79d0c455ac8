//! Environments of the emulated GitHub: rules, branches, variables and secrets.

use serde_json::{Value, json};

use super::lists::{page, secrets, variables};
use super::standin::{Environment, Plan, Reply, State, ok, refuse};

/// `/repos/OWNER/NAME/environments/…`
pub(super) fn answer(
    state: &mut State,
    method: &str,
    rest: &[&str],
    query: &str,
    body: &Value,
) -> Reply {
    if state.private && state.plan == Plan::Free {
        return refuse(if method == "GET" { 404 } else { state.refusal }, "Not Found");
    }
    let [name, rest @ ..] = rest else { return refuse(404, "Not Found") };
    if (method, rest) == ("PUT", &[]) {
        return put(state, name, body);
    }
    let State { environments, key, .. } = state;
    let Some(environment) = environments.get_mut(*name) else { return refuse(404, "Not Found") };
    match (method, rest) {
        ("GET", []) => ok(shown(name, environment)),
        (_, ["deployment-branch-policies", rest @ ..]) => {
            branches(environment, method, rest, query, body)
        }
        (_, ["variables", rest @ ..]) => {
            variables(&mut environment.variables, method, rest, query, body)
        }
        (_, ["secrets", rest @ ..]) => {
            secrets(&mut environment.secrets, key, method, rest, query, body)
        }
        _ => refuse(404, "Not Found"),
    }
}

/// Replaces all rules of an environment. A rule that is not in the request gets its default.
fn put(state: &mut State, name: &str, body: &Value) -> Reply {
    const KEYS: [&str; 4] =
        ["wait_timer", "prevent_self_review", "reviewers", "deployment_branch_policy"];
    for key in body.as_object().into_iter().flatten().map(|(key, _)| key) {
        if !KEYS.contains(&key.as_str()) {
            let text =
                format!("Invalid request.\n\nInvalid input: \"{key}\" is not a permitted key.");
            return refuse(422, &text);
        }
    }
    let branches = &body["deployment_branch_policy"];
    if !branches.is_null() && branches["protected_branches"] == branches["custom_branch_policies"] {
        return refuse(422, "Invalid request.");
    }
    let reviewers = body["reviewers"].as_array().map_or(0, Vec::len);
    let paid = !state.private || state.plan == Plan::Enterprise;
    if !paid && (reviewers > 0 || body.get("wait_timer").is_some()) {
        return refuse(
            422,
            "Failed to create the environment protection rule. Please ensure the billing plan supports the required reviewers protection rule.",
        );
    }
    if body["prevent_self_review"] == true && reviewers == 0 {
        return refuse(
            422,
            "Failed to create or update the environment protection rule. Required reviewers must have at least one reviewer to set prevent_self_review.",
        );
    }
    let environment = state.environments.entry(name.to_owned()).or_default();
    environment.rules = body.clone();
    if branches["custom_branch_policies"] != true {
        environment.branches.clear();
    }
    ok(shown(name, environment))
}

fn shown(name: &str, environment: &Environment) -> Value {
    let rules = &environment.rules;
    let mut shown = Vec::new();
    if let Some(minutes) = rules["wait_timer"].as_u64().filter(|minutes| *minutes > 0) {
        shown.push(json!({ "id": 3736, "type": "wait_timer", "wait_timer": minutes }));
    }
    let reviewers = rules["reviewers"].as_array().into_iter().flatten();
    // GitHub returns reviewers in another order.
    let reviewers: Vec<_> = reviewers
        .rev()
        .map(|reviewer| {
            json!({ "type": reviewer["type"], "reviewer": { "id": reviewer["id"], "node_id": "X" } })
        })
        .collect();
    if !reviewers.is_empty() {
        shown.push(json!({ "id": 3755, "type": "required_reviewers", "reviewers": reviewers,
            "prevent_self_review": rules["prevent_self_review"] == true }));
    }
    if !rules["deployment_branch_policy"].is_null() {
        shown.push(json!({ "id": 3756, "type": "branch_policy" }));
    }
    json!({ "id": 161_088_068, "name": name, "protection_rules": shown,
        "deployment_branch_policy": rules["deployment_branch_policy"] })
}

fn branches(
    environment: &mut Environment,
    method: &str,
    rest: &[&str],
    query: &str,
    body: &Value,
) -> Reply {
    let is_custom = environment.rules["deployment_branch_policy"]["custom_branch_policies"] == true;
    match (method, rest) {
        ("GET", []) => {
            let list = environment
                .branches
                .iter()
                .map(|(id, (name, kind))| json!({ "id": id, "name": name, "type": kind }));
            page(&list.collect::<Vec<_>>(), Some("branch_policies"), query, 100)
        }
        ("POST", []) if is_custom => {
            let name = body["name"].as_str().unwrap_or_default().to_owned();
            let kind = body["type"].as_str().unwrap_or("branch").to_owned();
            if environment.branches.values().any(|known| known.0 == name) {
                return (303, None, Value::Null);
            }
            let id = 361_471 + environment.branches.len() as u64;
            environment.branches.insert(id, (name.clone(), kind.clone()));
            ok(json!({ "id": id, "name": name, "type": kind }))
        }
        ("DELETE", [id]) => match environment.branches.remove(&id.parse().unwrap()) {
            Some(_) => (204, None, Value::Null),
            None => refuse(404, "Not Found"),
        },
        _ => refuse(404, "Not Found"),
    }
}
