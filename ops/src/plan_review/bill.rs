//! The effect of a plan on the fixed part of the monthly bill.
//!
//! Traffic, log volume and data transfer are left out, because a plan does not contain them. `prices.json` contains the
//! prices and their source.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::plan::{Action, Plan, Resource};

#[derive(Debug, Deserialize)]
struct Prices {
    source: String,
    hours_a_month: f64,
    /// By the architecture of the task.
    fargate: BTreeMap<String, Fargate>,
    month: BTreeMap<String, f64>,
    hour: BTreeMap<String, f64>,
}

#[derive(Debug, Deserialize)]
struct Fargate {
    vcpu_hour: f64,
    gib_hour: f64,
}

/// The difference that a plan makes, in US dollars a month.
#[derive(Debug)]
pub(super) struct Bill {
    /// Resource type and dollars, the largest first.
    pub(super) lines: Vec<(String, f64)>,
    /// The source of the prices, and what they leave out.
    pub(super) source: String,
}

impl Bill {
    /// The sum of all lines.
    #[must_use]
    pub(super) fn difference(&self) -> f64 {
        self.lines.iter().map(|(_, dollars)| dollars).sum()
    }
}

/// The difference that a plan makes.
#[must_use]
pub(super) fn difference(plan: &Plan) -> Bill {
    let prices: Prices =
        serde_json::from_str(include_str!("prices.json")).expect("a test reads the same text");
    let mut lines: BTreeMap<String, f64> = BTreeMap::new();
    for resource in plan.changed() {
        let (before, after) = (
            each(resource, &resource.change.before, &prices),
            each(resource, &resource.change.after, &prices),
        );
        let before = if resource.action() == Action::Create { 0.0 } else { before };
        let after = if matches!(resource.action(), Action::Destroy) { 0.0 } else { after };
        *lines.entry(resource.kind.clone()).or_default() += after - before;
    }
    if let Some(dollars) = tasks(plan, &prices) {
        lines.insert("Fargate, at the least number of tasks".to_owned(), dollars);
    }
    let mut lines: Vec<(String, f64)> =
        lines.into_iter().filter(|(_, dollars)| dollars.abs() >= 0.005).collect();
    lines.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()));
    Bill { lines, source: prices.source }
}

/// The price of one resource on one side of the change.
fn each(resource: &Resource, side: &Value, prices: &Prices) -> f64 {
    let price =
        |table: &BTreeMap<String, f64>, name: &str| table.get(name).copied().unwrap_or_default();
    let length = |name: &str| side[name].as_array().map(Vec::len);
    // The subnets can be unknown before they exist. Then two are assumed, one in each zone of the configuration.
    let subnets = || count(length("subnet_ids").or(length("subnets")).unwrap_or(2).max(1));
    let hour = price(&prices.hour, &resource.kind) * prices.hours_a_month;
    let month = price(&prices.month, &resource.kind);
    match resource.kind.as_str() {
        "aws_vpc_endpoint" if side["vpc_endpoint_type"] != "Interface" => 0.0,
        "aws_vpc_endpoint" => subnets() * hour,
        // The balancer has one public address in each zone, unless it is internal.
        "aws_lb" if side["internal"] == true => hour,
        "aws_lb" => hour + subnets() * price(&prices.hour, "aws_eip") * prices.hours_a_month,
        // AWS bills an alarm with metric math once for each metric that it reads.
        "aws_cloudwatch_metric_alarm" => {
            let queries = side["metric_query"].as_array().into_iter().flatten();
            let metrics =
                queries.filter(|query| query["metric"][0]["metric_name"].is_string()).count();
            count(metrics.max(1)) * month
        }
        _ => month + hour,
    }
}

fn count(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::MAX, f64::from)
}

/// The difference in the cost of the tasks, at their least number. Autoscaling decides the rest.
fn tasks(plan: &Plan, prices: &Prices) -> Option<f64> {
    let find = |kind: &str| plan.managed().find(|resource| resource.kind == kind);
    let (task, target) = (find("aws_ecs_task_definition")?, find("aws_appautoscaling_target")?);
    let cost = |task: &Value, target: &Value| {
        let number = |name: &str| {
            task[name].as_str().and_then(|text| text.parse::<f64>().ok()).unwrap_or_default()
        };
        let architecture = &task["runtime_platform"][0]["cpu_architecture"];
        let price = prices.fargate.get(architecture.as_str().unwrap_or("X86_64"));
        let hour = price.map_or(0.0, |price| {
            number("cpu") / 1024.0 * price.vcpu_hour + number("memory") / 1024.0 * price.gib_hour
        });
        hour * prices.hours_a_month * target["min_capacity"].as_f64().unwrap_or_default()
    };
    Some(
        cost(&task.change.after, &target.change.after)
            - cost(&task.change.before, &target.change.before),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn arm_task_and_internal_balancer_cost_less() {
        let task = |architecture: &str| json!({ "cpu": "256", "memory": "512", "runtime_platform": [{ "cpu_architecture": architecture }] });
        let lb = |internal: bool| json!({ "internal": internal, "subnets": ["a", "b"] });
        let target = json!({ "min_capacity": 2 });
        let change = |kind: &str, before: Value, after: Value| {
            json!({
                "address": kind, "mode": "managed", "type": kind,
                "change": { "actions": ["update"], "before": before, "after": after },
            })
        };
        let plan = json!({ "format_version": "1.2", "resource_changes": [
            change("aws_ecs_task_definition", task("X86_64"), task("ARM64")),
            change("aws_appautoscaling_target", target.clone(), target),
            change("aws_lb", lb(false), lb(true)),
        ]});
        let bill = difference(&Plan::parse(&plan.to_string()).unwrap());
        let found: Vec<String> =
            bill.lines.iter().map(|(what, dollars)| format!("{what} {dollars:.2}")).collect();
        assert_eq!(found, ["aws_lb -7.30", "Fargate, at the least number of tasks -3.60"]);
    }
}
