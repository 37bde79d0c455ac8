//! How much a client may ask, and whether anybody hears when it goes wrong.

use serde_json::Value;

use super::container;
use super::finding::{Finding, Level, Topic};
use super::plan::{Action, Plan, Resource};

/// Attributes of an alarm that decide when it fires.
const SENSITIVITY: &[&str] = &[
    "threshold",
    "comparison_operator",
    "evaluation_periods",
    "datapoints_to_alarm",
    "period",
    "statistic",
    "treat_missing_data",
    "metric_query",
    "alarm_rule",
];

/// What a plan changes about limits, alarms and logs.
#[must_use]
pub(super) fn findings(plan: &Plan) -> Vec<Finding> {
    plan.changed().flat_map(of_resource).collect()
}

fn of_resource(resource: &Resource) -> Vec<Finding> {
    let finding =
        |level, text: String| vec![Finding::new(level, Topic::Limits, &resource.address, text)];
    match resource.kind.as_str() {
        "aws_ecs_task_definition" => rates(resource),
        "aws_cloudwatch_metric_alarm" | "aws_cloudwatch_composite_alarm" => alarm(resource),
        "aws_wafv2_web_acl" | "aws_wafv2_web_acl_association" => match resource.action() {
            Action::Destroy => {
                finding(Level::Danger, "the firewall in front of the load balancer goes".to_owned())
            }
            Action::Update => finding(Level::Caution, "changes the firewall's rules".to_owned()),
            _ => Vec::new(),
        },
        "aws_sns_topic" | "aws_sns_topic_policy" | "aws_sns_topic_subscription"
            if gone(resource) =>
        {
            finding(Level::Danger, "alarms no longer reach whoever listened here".to_owned())
        }
        "aws_cloudwatch_event_rule" | "aws_cloudwatch_event_target" if gone(resource) => {
            finding(Level::Caution, "an event is no longer passed on".to_owned())
        }
        "aws_cloudwatch_log_metric_filter" if gone(resource) => {
            finding(Level::Danger, "a metric ends, and every alarm on it falls silent".to_owned())
        }
        "aws_cloudwatch_log_group" => retention(resource),
        _ => Vec::new(),
    }
}

fn gone(resource: &Resource) -> bool {
    matches!(resource.action(), Action::Destroy | Action::Replace)
}

fn rates(resource: &Resource) -> Vec<Finding> {
    let mut found = Vec::new();
    for after in container::list(&resource.change.after) {
        let Some(before) = container::find(&resource.change.before, &after.name) else { continue };
        for (name, what) in [
            ("RATE_LIMIT", "requests a second for each client and task"),
            ("RATE_LIMIT_BURST", "requests at once"),
        ] {
            let (old, new) = (before.variable(name), after.variable(name));
            if old == new {
                continue;
            }
            let times = new.parse().unwrap_or(f64::INFINITY) / old.parse().unwrap_or(1.0);
            let level = if times >= 10.0 || times <= 0.1 { Level::Danger } else { Level::Caution };
            found.push(Finding::new(
                level,
                Topic::Limits,
                &resource.address,
                format!("{what}: {old} → {new}"),
            ));
        }
    }
    found
}

fn alarm(resource: &Resource) -> Vec<Finding> {
    let finding = |level, text: String| Finding::new(level, Topic::Limits, &resource.address, text);
    match resource.action() {
        Action::Destroy => {
            return vec![finding(Level::Danger, "this alarm no longer exists".to_owned())];
        }
        Action::Replace => {
            return vec![finding(
                Level::Caution,
                "this alarm is made anew, and starts without data".to_owned(),
            )];
        }
        _ => {}
    }
    if resource.action() != Action::Update {
        return Vec::new();
    }
    let mut found = Vec::new();
    let (before, after) = (&resource.change.before, &resource.change.after);
    let listeners = |side: &Value| side["alarm_actions"].as_array().map_or(0, Vec::len);
    if listeners(after) < listeners(before)
        && resource.change.after_unknown["alarm_actions"] != true
    {
        let level = if listeners(after) == 0 { Level::Danger } else { Level::Caution };
        found.push(finding(
            level,
            format!("tells {} when it fires, no longer {}", listeners(after), listeners(before)),
        ));
    }
    if before["actions_enabled"] == true && after["actions_enabled"] == false {
        found.push(finding(Level::Danger, "fires without telling anybody".to_owned()));
    }
    for name in SENSITIVITY.iter().filter(|name| resource.changes(name)) {
        let text = match (&before[*name], &after[*name]) {
            (Value::Array(_), _) | (_, Value::Array(_)) => {
                format!("fires by another computation ({name})")
            }
            (old, new) => format!("fires at {name} {} instead of {}", plain(new), plain(old)),
        };
        found.push(finding(Level::Caution, text));
    }
    found
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

fn retention(resource: &Resource) -> Vec<Finding> {
    let days = |side: &Value| side["retention_in_days"].as_u64();
    match (days(&resource.change.before), days(&resource.change.after)) {
        (Some(before), Some(after)) if before != after => {
            let level = if after < before { Level::Caution } else { Level::Note };
            let lost = if after < before { ": older events are deleted" } else { "" };
            let text = format!("logs are kept {after} days instead of {before}{lost}");
            vec![Finding::new(level, Topic::Limits, &resource.address, text)]
        }
        _ => Vec::new(),
    }
}
