//! A hash of everything that an apply changes: the changes of resources, the outputs and the commit.
//!
//! Autoscaling can change the `desired_count` of a service between plan and apply. Terraform ignores that change, and
//! so does the hash, unless the plan changes the count.

use anyhow::Context as _;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

/// The hash of a plan in hexadecimal. `plan` is the output of `terraform show -json`.
pub(super) fn of(plan: &str, commit: &str) -> anyhow::Result<String> {
    let plan: Value = serde_json::from_str(plan).context("the JSON of a plan")?;
    let changes: Vec<Value> = changed(&plan).map(change).collect();
    let text = sorted(&json!([changes, plan["output_changes"]])).to_string();
    Ok(hash(&[commit, &text]))
}

/// The number of changed resources in a plan.
pub(super) fn count(plan: &str) -> anyhow::Result<usize> {
    let plan: Value = serde_json::from_str(plan).context("the JSON of a plan")?;
    Ok(changed(&plan).count())
}

/// Whether a plan changes neither a resource nor an output.
pub(super) fn is_empty(plan: &str) -> anyhow::Result<bool> {
    let plan: Value = serde_json::from_str(plan).context("the JSON of a plan")?;
    let mut outputs = plan["output_changes"].as_object().into_iter().flatten();
    let same = outputs.all(|(_, output)| output["actions"] == json!(["no-op"]));
    Ok(same && changed(&plan).next().is_none())
}

/// The SHA-256 of lines, in hexadecimal.
pub(super) fn hash(lines: &[&str]) -> String {
    hexadecimal(&Sha256::digest(lines.join("\n")))
}

/// Bytes in hexadecimal.
pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from_digit(u32::from(half), 16).unwrap_or_default();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn changed(plan: &Value) -> impl Iterator<Item = &Value> {
    let kept = [json!(["no-op"]), json!(["read"])];
    let resources = plan["resource_changes"].as_array().into_iter().flatten();
    resources.filter(move |resource| !kept.contains(&resource["change"]["actions"]))
}

fn change(resource: &Value) -> Value {
    let change = &resource["change"];
    let mut kept = Map::new();
    for name in ["actions", "before", "after", "after_unknown", "replace_paths"] {
        kept.insert(name.to_owned(), change[name].clone());
    }
    let count = "desired_count";
    if resource["type"] == "aws_ecs_service" && change["before"][count] == change["after"][count] {
        for side in ["before", "after"] {
            if let Some(Value::Object(values)) = kept.get_mut(side) {
                values.remove(count);
            }
        }
    }
    json!({ "address": resource["address"], "mode": resource["mode"], "deposed": resource["deposed"], "change": kept })
}

/// The same value with the members of every object sorted by name.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(name, _)| *name);
            members.into_iter().map(|(name, value)| (name.clone(), sorted(value))).collect()
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(change: impl FnOnce(&mut Value)) -> String {
        let mut plan = json!({
            "resource_changes": [
                { "address": "a", "mode": "managed", "type": "aws_ecs_service",
                  "change": { "actions": ["update"], "before": { "desired_count": 2, "x": 1 }, "after": { "desired_count": 2, "x": 2 } } },
                { "address": "b", "mode": "managed", "type": "aws_lb", "change": { "actions": ["no-op"], "before": { "y": 1 }, "after": { "y": 1 } } },
            ],
            "output_changes": { "url": { "actions": ["no-op"] } },
            "timestamp": "2026-11-01T00:00:00Z",
        });
        change(&mut plan);
        plan.to_string()
    }

    fn fingerprint(change: impl FnOnce(&mut Value)) -> String {
        of(&plan(change), "commit").unwrap()
    }

    #[test]
    fn hash_ignores_values_that_an_apply_does_not_change() {
        let same = fingerprint(|_| ());
        assert_eq!(same.len(), 64);
        assert_eq!(same, fingerprint(|plan| plan["timestamp"] = json!("later")));
        assert_eq!(
            same,
            fingerprint(|plan| plan["resource_changes"][1]["change"]["before"]["y"] = json!(2))
        );
        // Autoscaling.
        assert_eq!(
            same,
            fingerprint(|plan| {
                for side in ["before", "after"] {
                    plan["resource_changes"][0]["change"][side]["desired_count"] = json!(3);
                }
            })
        );
        // The order of members.
        let other = plan(|plan| {
            plan["resource_changes"][0]["change"]["after"] = json!({ "x": 2, "desired_count": 2 });
        });
        assert_eq!(same, of(&other, "commit").unwrap());
    }

    #[test]
    fn hash_covers_every_change_of_an_apply() {
        let same = fingerprint(|_| ());
        let others = [
            of(&plan(|_| ()), "another commit").unwrap(),
            fingerprint(|plan| {
                plan["resource_changes"][0]["change"]["after"]["desired_count"] = json!(3);
            }),
            fingerprint(|plan| plan["resource_changes"][0]["change"]["after"]["x"] = json!(3)),
            fingerprint(|plan| plan["resource_changes"][0]["change"]["before"]["x"] = json!(0)),
            fingerprint(|plan| plan["resource_changes"][0]["deposed"] = json!("1")),
            fingerprint(|plan| {
                plan["resource_changes"][1]["change"]["actions"] = json!(["delete"]);
            }),
            fingerprint(|plan| plan["output_changes"]["url"]["actions"] = json!(["update"])),
        ];
        for other in others {
            assert_ne!(same, other);
        }
        assert_eq!(count(&plan(|_| ())).unwrap(), 1);
    }

    #[test]
    fn plan_with_only_a_changed_output_is_not_empty() {
        let none = |plan: &mut Value| plan["resource_changes"] = json!([]);
        assert!(is_empty(&plan(none)).unwrap());
        assert!(!is_empty(&plan(|_| ())).unwrap());
        let output = plan(|plan| {
            none(plan);
            plan["output_changes"]["url"]["actions"] = json!(["update"]);
        });
        assert!(!is_empty(&output).unwrap());
    }
}
