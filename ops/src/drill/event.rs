//! Compares events of ECS with the applied rules.
//!
//! A failed deployment has no metric. ECS sends an event to `EventBridge`, and the pattern of a rule selects the events
//! to forward. The events here have the format that ECS documents. The patterns come from the emulated AWS.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_service_deployment_events.html>

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use crate::testbed::Testbed;

/// Names of the applied rules that match the event of `rule` for the testbed's service.
pub(super) async fn matching_rules(
    testbed: &Testbed,
    rule: &str,
    reason: &str,
) -> anyhow::Result<Vec<String>> {
    let (cluster, service) = (&testbed.names.0, &testbed.names.1);
    let event = match rule {
        "deployment-failed" => json!({
            "source": "aws.ecs",
            "detail-type": "ECS Deployment State Change",
            "resources": [service],
            "detail": { "eventType": "ERROR", "eventName": "SERVICE_DEPLOYMENT_FAILED", "deploymentId": "ecs-svc/1",
                "reason": "ECS deployment circuit breaker: tasks failed to start." }
        }),
        "task-stopped" => json!({
            "source": "aws.ecs",
            "detail-type": "ECS Task State Change",
            "resources": [],
            "detail": {
                "clusterArn": cluster, "group": format!("service:{}", service.rsplit('/').next().unwrap_or_default()),
                "lastStatus": "STOPPED", "stopCode": "TaskFailedToStart", "stoppedReason": reason
            }
        }),
        other => bail!("the drill has no event for the rule {other}"),
    };
    let answer: Value = testbed.client.call(&["events", "list-rules"]).await?;
    let mut names = Vec::new();
    for rule in answer["Rules"].as_array().into_iter().flatten() {
        let Some(pattern) = rule["EventPattern"].as_str() else { continue };
        let pattern = serde_json::from_str(pattern).context("a rule's pattern is not JSON")?;
        if rule["State"] == "ENABLED" && matches(&pattern, &event)? {
            names.push(rule["Name"].as_str().context("a rule without a name")?.to_owned());
        }
    }
    Ok(names)
}

/// Whether the event has every field of the pattern with one of its values. Supports plain values only.
fn matches(pattern: &Value, event: &Value) -> anyhow::Result<bool> {
    for (field, wanted) in pattern.as_object().context("a pattern must be an object")? {
        let found = &event[field];
        let good = match wanted {
            Value::Object(_) => matches(wanted, found)?,
            Value::Array(values) if values.iter().all(|v| !v.is_object()) => match found {
                Value::Array(several) => several.iter().any(|v| values.contains(v)),
                single => values.contains(single),
            },
            _ => bail!("the drill does not support this pattern of {field}: {wanted}"),
        };
        if !good {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pattern_matches_only_with_every_field() {
        let pattern =
            json!({ "source": ["aws.ecs"], "resources": ["a"], "detail": { "n": ["X", "Y"] } });
        for (event, expected) in [
            (json!({ "source": "aws.ecs", "resources": ["b", "a"], "detail": { "n": "Y" } }), true),
            (json!({ "source": "aws.ecs", "resources": ["a"], "detail": { "n": "Z" } }), false),
            (json!({ "source": "aws.ecs", "detail": { "n": "X" } }), false),
        ] {
            assert_eq!(matches(&pattern, &event).unwrap(), expected, "{event}");
        }
        let prefix = json!({ "source": [{ "prefix": "aws" }] });
        assert!(matches(&prefix, &json!({ "source": "aws.ecs" })).is_err());
    }
}
