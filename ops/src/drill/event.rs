//! Events of ECS, held against the rules that were applied.
//!
//! A failed deployment is no metric: ECS says it to `EventBridge`, and the rule's pattern decides
//! whether anybody hears it. The event is spelled here as ECS documents it; the pattern is the one
//! that the emulated AWS holds.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_service_deployment_events.html>

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use crate::stage::Stage;

/// The event of a failed deployment of the stage's service.
pub(super) fn deployment_failed(stage: &Stage) -> Value {
    json!({
        "source": "aws.ecs",
        "detail-type": "ECS Deployment State Change",
        "resources": [stage.names.1],
        "detail": { "eventType": "ERROR", "eventName": "SERVICE_DEPLOYMENT_FAILED", "deploymentId": "ecs-svc/1",
            "reason": "ECS deployment circuit breaker: tasks failed to start." }
    })
}

/// The event of a task that could not be started.
pub(super) fn task_stopped(stage: &Stage, reason: &str) -> Value {
    let service = stage.names.1.rsplit('/').next().unwrap_or_default();
    json!({
        "source": "aws.ecs",
        "detail-type": "ECS Task State Change",
        "resources": [],
        "detail": { "clusterArn": stage.names.0, "group": format!("service:{service}"), "lastStatus": "STOPPED",
            "stopCode": "TaskFailedToStart", "stoppedReason": reason }
    })
}

/// Names of the applied rules that the event matches.
pub(super) async fn heard_by(stage: &Stage, event: &Value) -> anyhow::Result<Vec<String>> {
    let answer = stage.client.json("events", "AWSEvents.ListRules", &json!({})).await?;
    let mut names = Vec::new();
    for rule in answer["Rules"].as_array().into_iter().flatten() {
        let Some(pattern) = rule["EventPattern"].as_str() else { continue };
        let pattern = serde_json::from_str(pattern).context("a rule's pattern is not JSON")?;
        if rule["State"] == "ENABLED" && matches(&pattern, event)? {
            names.push(rule["Name"].as_str().context("a rule without a name")?.to_owned());
        }
    }
    Ok(names)
}

/// Whether every field of the pattern is there with one of its values; plain values only.
fn matches(pattern: &Value, event: &Value) -> anyhow::Result<bool> {
    for (field, wanted) in pattern.as_object().context("a pattern is an object")? {
        let found = &event[field];
        let good = match wanted {
            Value::Object(_) => matches(wanted, found)?,
            Value::Array(values) if values.iter().all(|v| !v.is_object()) => match found {
                Value::Array(several) => several.iter().any(|v| values.contains(v)),
                single => values.contains(single),
            },
            _ => bail!("the pattern of {field} is not understood here: {wanted}"),
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
    fn a_pattern_wants_every_field() {
        let pattern =
            json!({ "source": ["aws.ecs"], "resources": ["a"], "detail": { "n": ["X", "Y"] } });
        assert!(
            matches(
                &pattern,
                &json!({ "source": "aws.ecs", "resources": ["b", "a"], "detail": { "n": "Y" } })
            )
            .unwrap()
        );
        assert!(
            !matches(
                &pattern,
                &json!({ "source": "aws.ecs", "resources": ["a"], "detail": { "n": "Z" } })
            )
            .unwrap()
        );
        assert!(
            !matches(&pattern, &json!({ "source": "aws.ecs", "detail": { "n": "X" } })).unwrap()
        );
        assert!(
            matches(&json!({ "source": [{ "prefix": "aws" }] }), &json!({ "source": "aws.ecs" }))
                .is_err()
        );
    }
}
