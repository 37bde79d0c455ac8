//! The attributes that the review reads, and the trimmed plans that contain only them.
//!
//! A plan of this stack has a megabyte. The rules and the other modules of the review read only the trimmed plan.
//! They cannot judge an attribute that is missing from the list; a test detects that. The same function makes the plans
//! that the tests read.

use serde_json::{Map, Value};

use super::difference;
use crate::plan::{Action, Resource};

/// Dotted paths into the values of a resource, by its type. A path leads through every entry of a list.
pub(super) const STATE: &[(&str, &[&str])] = &[
    ("aws_appautoscaling_target", &["min_capacity", "max_capacity"]),
    ("aws_cloudwatch_event_target", &["dead_letter_config"]),
    ("aws_cloudwatch_composite_alarm", &["alarm_actions", "actions_enabled"]),
    (
        "aws_cloudwatch_metric_alarm",
        &["alarm_actions", "actions_enabled", "metric_query.metric.metric_name"],
    ),
    ("aws_default_security_group", GROUP),
    (
        "aws_ecs_service",
        &[
            "enable_execute_command",
            "deployment_circuit_breaker.enable",
            "deployment_circuit_breaker.rollback",
        ],
    ),
    (
        "aws_ecs_task_definition",
        &["container_definitions", "cpu", "memory", "runtime_platform.cpu_architecture"],
    ),
    ("aws_iam_policy", &["policy"]),
    ("aws_iam_role", &["assume_role_policy"]),
    ("aws_iam_role_policy", &["policy"]),
    ("aws_lb", &["enable_deletion_protection", "internal", "subnets"]),
    ("aws_lb_listener", &["protocol", "ssl_policy", "default_action.type"]),
    ("aws_security_group", GROUP),
    ("aws_ssm_parameter", &["type", "value_wo_version"]),
    ("aws_vpc_endpoint", &["vpc_endpoint_type", "subnet_ids"]),
    ("aws_vpc_security_group_egress_rule", GROUP_RULE),
    ("aws_vpc_security_group_ingress_rule", GROUP_RULE),
];

const GROUP: &[&str] = &[
    "ingress.cidr_blocks",
    "ingress.ipv6_cidr_blocks",
    "ingress.protocol",
    "ingress.from_port",
    "ingress.to_port",
];

const GROUP_RULE: &[&str] = &[
    "cidr_ipv4",
    "cidr_ipv6",
    "prefix_list_id",
    "referenced_security_group_id",
    "ip_protocol",
    "from_port",
    "to_port",
];

/// Types of which the bill also needs the resources without a change.
const COSTED: &[&str] = &["aws_appautoscaling_target", "aws_ecs_task_definition"];

/// A plan that contains only what the review reads.
pub(super) fn trim(plan: &Value) -> anyhow::Result<Value> {
    let mut trimmed = Map::new();
    for name in ["format_version", "errored"] {
        trimmed.extend(plan.get(name).map(|value| (name.to_owned(), value.clone())));
    }
    let failed = |check: &&Value| check["status"] == "fail" || check["status"] == "error";
    let checks = list(plan, "checks")
        .filter(failed)
        .map(|check| select(check, &["status", "instances.problems.message"]));
    trimmed.insert("checks".to_owned(), checks.collect());
    for name in ["resource_changes", "resource_drift"] {
        let resources = list(plan, name).filter(|resource| resource["mode"] == "managed");
        let resources = resources.map(trim_resource).collect::<anyhow::Result<_>>()?;
        trimmed.insert(name.to_owned(), resources);
    }
    Ok(trimmed.into())
}

/// Removes the resources without a change, except those of the types in [`COSTED`].
pub(super) fn leave_out_unchanged(plan: &mut Value) {
    if let Some(resources) = plan["resource_changes"].as_array_mut() {
        resources.retain(|resource| {
            resource["change"]["actions"] != serde_json::json!(["no-op"])
                || COSTED.iter().any(|kind| resource["type"] == *kind)
        });
    }
}

fn list<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    value[name].as_array().into_iter().flatten()
}

fn trim_resource(value: &Value) -> anyhow::Result<Value> {
    let resource: Resource = serde_json::from_value(value.clone())?;
    let mut paths: Vec<String> = match resource.action() {
        Action::Replace => resource.replaced_for(),
        _ => difference::find(&resource).into_iter().map(|difference| difference.path).collect(),
    };
    // Keep the whole attribute: `difference` compares its entries by name.
    for path in &mut paths {
        path.truncate(path.find('.').unwrap_or(path.len()));
    }
    let listed =
        STATE.iter().filter(|(kind, _)| *kind == resource.kind).flat_map(|(_, paths)| *paths);
    let paths: Vec<&str> = paths.iter().map(String::as_str).chain(listed.copied()).collect();

    let mut trimmed =
        select(value, &["address", "mode", "type", "change.actions", "change.replace_paths"]);
    for side in ["before", "after", "after_unknown", "before_sensitive", "after_sensitive"] {
        let Value::Object(mut kept) = select(&value["change"][side], &paths) else { continue };
        let marks = side != "before" && side != "after";
        kept.retain(|_, value| !marks || is_set(value));
        if !(marks && kept.is_empty()) {
            trimmed["change"][side] = kept.into();
        }
    }
    Ok(trimmed)
}

/// The parts of a value that are on one of the paths. A value that is neither an object nor a list is kept.
fn select(value: &Value, paths: &[&str]) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.iter().filter_map(|(name, inner)| {
                let here = paths.iter().filter_map(|path| path.strip_prefix(name.as_str()));
                let rest: Vec<&str> =
                    here.filter(|rest| rest.is_empty() || rest.starts_with('.')).collect();
                if rest.contains(&"") {
                    return Some((name.clone(), inner.clone()));
                }
                let rest: Vec<&str> =
                    rest.iter().filter_map(|rest| rest.strip_prefix('.')).collect();
                (!rest.is_empty()).then(|| (name.clone(), select(inner, &rest)))
            });
            kept.collect::<Map<_, _>>().into()
        }
        Value::Array(list) => list.iter().map(|inner| select(inner, paths)).collect(),
        other => other.clone(),
    }
}

/// Whether a mark of "unknown" or "sensitive" is set anywhere in a value.
fn is_set(mark: &Value) -> bool {
    match mark {
        Value::Object(map) => map.values().any(is_set),
        Value::Array(list) => list.iter().any(is_set),
        mark => *mark == true,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use contract::list::at_least;

    use super::*;

    fn has(values: &Value, path: &str) -> bool {
        match (values, path.split_once('.').unwrap_or((path, ""))) {
            (Value::Array(list), _) => list.iter().all(|inner| has(inner, path)),
            (Value::Object(map), (name, "")) => map.contains_key(name),
            (Value::Object(map), (name, rest)) => map.get(name).is_some_and(|v| has(v, rest)),
            // The whole value is known only after apply.
            (values, _) => *values == true,
        }
    }

    #[test]
    fn tested_plans_contain_each_attribute_of_the_review() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/plan_review/plans");
        let mut seen = BTreeSet::new();
        for file in at_least(19, fs::read_dir(folder).unwrap()) {
            let file = file.unwrap().path();
            let plan: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
            for resource in list(&plan, "resource_changes") {
                let change = &resource["change"];
                for (kind, paths) in STATE.iter().filter(|(kind, _)| resource["type"] == *kind) {
                    seen.insert(*kind);
                    for (path, side) in paths.iter().flat_map(|p| [(p, "before"), (p, "after")]) {
                        assert!(
                            !change[side].is_object()
                                || has(&change[side], path)
                                || (side == "after" && has(&change["after_unknown"], path)),
                            "{}: {} {side} lacks {path}",
                            file.display(),
                            resource["address"]
                        );
                    }
                }
            }
        }
        let listed = STATE.iter().map(|(kind, _)| *kind);
        // The stack has no such resource.
        let expected: BTreeSet<&str> = listed.filter(|kind| *kind != "aws_iam_policy").collect();
        assert_eq!(seen, expected);
    }
}
