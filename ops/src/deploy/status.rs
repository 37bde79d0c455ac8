//! A service on one page of text: deployments, tasks, targets and alarms.

use anyhow::Context as _;
use serde_json::Value;

use super::stack::Target;
use crate::aws;

/// Shows the service; `Ok(false)` means that it has a problem.
pub(super) fn run(target: &Target) -> anyhow::Result<bool> {
    target.check_service()?;
    let stack = target.open()?;
    let outputs = stack.outputs()?;
    if outputs.is_null() {
        println!("{} is not deployed in {}", target.service, target.environment);
        return Ok(false);
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (cluster, name) =
        (text(&outputs["service"]["cluster"]), text(&outputs["service"]["service"]));
    println!("{} in {}: {}", target.service, target.environment, text(&outputs["url"]));
    let service = service(&cluster, &name)?;
    let tasks = tasks(&cluster, &name)?;
    let targets = targets(&text(&outputs["alb"]["target_group_suffix"]))?;
    let alarms = alarms(&name)?;
    let mut faults = Vec::new();
    print!("{}", page(&service, &tasks, &targets, &alarms, &mut faults));
    for fault in &faults {
        println!("WRONG: {fault}");
    }
    println!("dashboard: {}", text(&outputs["dashboard_url"]));
    Ok(faults.is_empty())
}

fn service(cluster: &str, name: &str) -> anyhow::Result<Value> {
    let query = "services[0].{running:runningCount,desired:desiredCount,pending:pendingCount,deployments:deployments[].[status,rolloutState,taskDefinition,rolloutStateReason],events:events[:5].message}";
    let call =
        ["ecs", "describe-services", "--cluster", cluster, "--services", name, "--query", query];
    aws::call::<Option<Value>>(&call)?.context("ECS has no such service")
}

fn tasks(cluster: &str, name: &str) -> anyhow::Result<Vec<Value>> {
    let list =
        ["ecs", "list-tasks", "--cluster", cluster, "--service-name", name, "--query", "taskArns"];
    let arns: Vec<String> = aws::call(&list)?;
    if arns.is_empty() {
        return Ok(Vec::new());
    }
    let query = "tasks[].{task:taskArn,status:lastStatus,health:healthStatus,since:startedAt,zone:availabilityZone}";
    let mut call = vec!["ecs", "describe-tasks", "--cluster", cluster, "--query", query, "--tasks"];
    // One call describes at most 100 tasks.
    call.extend(arns.iter().take(100).map(String::as_str));
    aws::call(&call)
}

fn targets(group: &str) -> anyhow::Result<Vec<Value>> {
    let name = group.split('/').nth(1).context("the Terraform state has no target group")?;
    let query = "TargetGroups[0].TargetGroupArn";
    let arn: String =
        aws::call(&["elbv2", "describe-target-groups", "--names", name, "--query", query])?;
    let query = "TargetHealthDescriptions[].{target:Target.Id,state:TargetHealth.State,reason:TargetHealth.Reason}";
    aws::call(&["elbv2", "describe-target-health", "--target-group-arn", &arn, "--query", query])
}

fn alarms(prefix: &str) -> anyhow::Result<Vec<Value>> {
    let query = "[MetricAlarms,CompositeAlarms][] | [?StateValue=='ALARM'].{alarm:AlarmName,since:StateUpdatedTimestamp,reason:StateReason}";
    let call = [
        "cloudwatch",
        "describe-alarms",
        "--alarm-name-prefix",
        prefix,
        "--state-value",
        "ALARM",
        "--alarm-types",
        "MetricAlarm",
        "CompositeAlarm",
        "--query",
        query,
    ];
    Ok(aws::call::<Option<Vec<Value>>>(&call)?.unwrap_or_default())
}

/// The text. Adds each problem to `faults`.
fn page(
    service: &Value,
    tasks: &[Value],
    targets: &[Value],
    alarms: &[Value],
    faults: &mut Vec<String>,
) -> String {
    let mut lines = vec![format!(
        "service    {} of {} tasks run, {} start",
        service["running"], service["desired"], service["pending"]
    )];
    if service["running"] != service["desired"] {
        faults.push(format!(
            "the desired count is {}, but {} tasks run",
            service["desired"], service["running"]
        ));
    }
    for deployment in service["deployments"].as_array().into_iter().flatten() {
        lines.push(format!("deployment {}", row(deployment)));
        if deployment[1] == "FAILED" {
            faults.push(format!("a deployment failed: {}", row(deployment)));
        }
    }
    for event in service["events"].as_array().into_iter().flatten() {
        lines.push(format!("event      {}", event.as_str().unwrap_or_default()));
    }
    for task in tasks {
        lines.push(format!("task       {}", row(task)));
        if task["health"] == "UNHEALTHY" {
            faults.push(format!("a task is unhealthy: {}", row(task)));
        }
    }
    for target in targets {
        lines.push(format!("target     {}", row(target)));
        if target["state"] == "unhealthy" {
            faults.push(format!("a target is unhealthy: {}", row(target)));
        }
    }
    if alarms.is_empty() {
        lines.push("alarm      none is in ALARM".to_owned());
    }
    for alarm in alarms {
        lines.push(format!("alarm      {}", row(alarm)));
        faults.push(format!("{} is in ALARM", alarm["alarm"].as_str().unwrap_or_default()));
    }
    lines.join("\n") + "\n"
}

/// The values of an object or a list, without empty ones. An ARN is shortened to its last part.
fn row(value: &Value) -> String {
    let values: Vec<&Value> = match value {
        Value::Object(members) => members.values().collect(),
        Value::Array(items) => items.iter().collect(),
        other => vec![other],
    };
    let text = |value: &Value| match value.as_str() {
        Some(arn) if arn.starts_with("arn:") => {
            arn.rsplit('/').next().unwrap_or_default().to_owned()
        }
        Some(text) => text.to_owned(),
        None => value.to_string(),
    };
    let texts = values.into_iter().filter(|value| !value.is_null()).map(text);
    texts.filter(|text| !text.is_empty()).collect::<Vec<_>>().join("  ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn faults(
        running: u64,
        rollout: &str,
        health: &str,
        state: &str,
        alarms: &[Value],
    ) -> (String, usize) {
        let service = json!({ "running": running, "desired": 2, "pending": 0, "events": ["steady"],
            "deployments": [["PRIMARY", rollout, "arn:aws:ecs:us-east-1:123456789012:task-definition/x:7", null]] });
        let mut faults = Vec::new();
        let text = page(
            &service,
            &[json!({ "task": "arn:x/1", "health": health })],
            &[json!({ "target": "10.0.0.1", "state": state })],
            alarms,
            &mut faults,
        );
        (text, faults.len())
    }

    #[test]
    fn status_counts_every_fault() {
        let (text, count) = faults(2, "COMPLETED", "HEALTHY", "healthy", &[]);
        assert_eq!(count, 0, "{text}");
        for part in [
            "2 of 2 tasks",
            "PRIMARY  COMPLETED  x:7\n",
            "event      steady",
            "10.0.0.1  healthy",
            "none is in ALARM",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        let alarm = [json!({ "alarm": "slow" })];
        assert_eq!(faults(1, "COMPLETED", "HEALTHY", "healthy", &[]).1, 1);
        assert_eq!(faults(2, "FAILED", "HEALTHY", "healthy", &[]).1, 1);
        assert_eq!(faults(2, "COMPLETED", "UNHEALTHY", "healthy", &[]).1, 1);
        assert_eq!(faults(2, "COMPLETED", "HEALTHY", "unhealthy", &[]).1, 1);
        assert_eq!(faults(1, "FAILED", "UNHEALTHY", "unhealthy", &alarm).1, 5);
    }
}
