//! The planned stack: the settings of autoscaling and the limits of a client.
//!
//! `target/plan.json` is the plan of the real root with the values of the example. `cargo xtask plan-json` writes it.

use std::fs;

use anyhow::{Context, Result};
use probe::program::root;
use serde_json::Value;

const FILE: &str = "target/plan.json";

/// A planned stack.
#[derive(Debug)]
pub struct Plan(Value);

/// The settings of autoscaling.
#[derive(Debug, Clone, Copy)]
pub struct Scaling {
    /// Fewest tasks.
    pub least: u32,
    /// Most tasks.
    pub most: u32,
    /// The target of the first policy: requests per minute for each task.
    pub requests_per_target: f64,
    /// The target of the second policy: CPU in percent.
    pub cpu_percent: f64,
    /// Seconds after a scale-out in which only a larger scale-out is done.
    pub out_cooldown: f64,
    /// Seconds after any change in which no task is removed.
    pub in_cooldown: f64,
    /// vCPUs of a task.
    pub vcpus: f64,
}

impl Plan {
    /// Reads the plan.
    pub fn read() -> Result<Self> {
        let text = fs::read_to_string(root().join(FILE));
        let text = text.with_context(|| format!("{FILE}: `cargo xtask plan-json` writes it"))?;
        Ok(Self(serde_json::from_str(&text).context(FILE)?))
    }

    /// The planned attribute of a resource of the module `sum`: a number, or digits.
    fn number(&self, resource: &str, attribute: &str) -> Result<f64> {
        let value = self.resource(resource)?.pointer(attribute);
        let number = value.and_then(|it| it.as_f64().or_else(|| it.as_str()?.parse().ok()));
        number.with_context(|| format!("{resource} has no number {attribute}"))
    }

    fn resource(&self, resource: &str) -> Result<&Value> {
        let address = format!("module.sum[0].{resource}");
        let mut changes = self.0["test_plan"]["resource_changes"].as_array().into_iter().flatten();
        let change = changes.find(|change| change["address"] == *address);
        Ok(&change.with_context(|| format!("{FILE} has no {address}"))?["change"]["after"])
    }

    /// The settings of autoscaling.
    pub fn scaling(&self) -> Result<Scaling> {
        let bound = |name| self.number("aws_appautoscaling_target.service", name);
        let policy = |name: &str, attribute| {
            let pointer = format!("/target_tracking_scaling_policy_configuration/0/{attribute}");
            self.number(&format!("aws_appautoscaling_policy.{name}"), &pointer)
        };
        Ok(Scaling {
            least: bound("/min_capacity")? as u32,
            most: bound("/max_capacity")? as u32,
            requests_per_target: policy("requests", "target_value")?,
            cpu_percent: policy("cpu", "target_value")?,
            out_cooldown: policy("requests", "scale_out_cooldown")?,
            in_cooldown: policy("requests", "scale_in_cooldown")?,
            vcpus: self.number("aws_ecs_task_definition.this", "/cpu")? / 1024.0,
        })
    }

    /// A number in the environment of the sidecar.
    pub fn sidecar_number(&self, name: &str) -> Result<f64> {
        let containers = &self.resource("aws_ecs_task_definition.this")?["container_definitions"];
        let containers: Value = serde_json::from_str(containers.as_str().context("containers")?)?;
        let mut containers = containers.as_array().into_iter().flatten();
        let nginx = containers.find(|it| it["name"] == "nginx").context("no container nginx")?;
        let mut environment = nginx["environment"].as_array().into_iter().flatten();
        let variable = environment.find(|it| it["name"] == name);
        let value = variable.and_then(|it| it["value"].as_str()?.parse().ok());
        value.with_context(|| format!("the sidecar has no number {name}"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn settings_are_found() {
        let resource = |address: &str, after: Value| json!({ "address": format!("module.sum[0].{address}"), "change": { "after": after } });
        let policy = |target: u32| {
            json!({ "target_tracking_scaling_policy_configuration": [
                { "target_value": target, "scale_out_cooldown": 60, "scale_in_cooldown": 300 }
            ] })
        };
        let containers = json!([
            { "name": "api", "environment": [{ "name": "RATE_LIMIT", "value": "1" }] },
            { "name": "nginx", "environment": [{ "name": "RATE_LIMIT", "value": "5" }] }
        ]);
        let task = json!({ "cpu": "256", "container_definitions": containers.to_string() });
        let plan = Plan(json!({ "test_plan": { "resource_changes": [
            resource("aws_appautoscaling_target.service", json!({ "min_capacity": 2, "max_capacity": 6 })),
            resource("aws_appautoscaling_policy.requests", policy(6000)),
            resource("aws_appautoscaling_policy.cpu", policy(60)),
            resource("aws_ecs_task_definition.this", task),
        ] } }));
        let scaling = plan.scaling().unwrap();
        assert_eq!((scaling.least, scaling.most), (2, 6));
        let figures = [scaling.requests_per_target, scaling.cpu_percent, scaling.vcpus];
        assert_eq!(figures.map(|it| (it * 100.0) as u32), [600_000, 6000, 25]);
        assert_eq!(plan.sidecar_number("RATE_LIMIT").unwrap() as u32, 5);
        assert!(plan.sidecar_number("RATE").is_err());
    }
}
