//! Changes of rate limits, alarms, firewall rules and log retention.

use std::collections::BTreeSet;

use serde_json::Value;

use super::container;
use super::finding::Level;
use crate::plan::{Action, Resource};

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

/// The effect of the change of a resource on limits, alarms and logs.
pub(super) fn changes(resource: &Resource) -> Vec<(Level, String)> {
    let mut found = Vec::new();
    let mut say = |level, text| found.push((level, text));
    match (resource.kind.as_str(), resource.action()) {
        ("aws_ecs_task_definition", _) => rates(resource, &mut say),
        ("aws_cloudwatch_metric_alarm" | "aws_cloudwatch_composite_alarm", Action::Update) => {
            alarm(resource, &mut say);
        }
        ("aws_wafv2_web_acl", Action::Update) => firewall(resource, &mut say),
        ("aws_wafv2_web_acl_association", Action::Update) => {
            say(Level::Caution, "changes the firewall's rules".to_owned());
        }
        ("aws_wafv2_ip_set", Action::Update) => addresses(resource, &mut say),
        ("aws_cloudwatch_log_group", Action::Update) => retention(resource, &mut say),
        _ => {}
    }
    found
}

fn rates(resource: &Resource, say: &mut dyn FnMut(Level, String)) {
    for (before, after) in container::pairs(resource) {
        for (name, what) in [
            ("RATE_LIMIT", "requests a second for each client and task"),
            ("RATE_LIMIT_BURST", "requests at once"),
        ] {
            let [old, new] = [&before, &after].map(|side| side.variable(name).unwrap_or_default());
            if old == new {
                continue;
            }
            let times = new.parse().unwrap_or(f64::INFINITY) / old.parse().unwrap_or(1.0);
            let level = if times >= 10.0 || times <= 0.1 { Level::Danger } else { Level::Caution };
            say(level, format!("{what}: {old} → {new}"));
        }
    }
}

fn alarm(resource: &Resource, say: &mut dyn FnMut(Level, String)) {
    let (before, after) = (&resource.change.before, &resource.change.after);
    let listeners = |side: &Value| side["alarm_actions"].as_array().map_or(0, Vec::len);
    // A rule reports an alarm that notifies no topic.
    if (1..listeners(before)).contains(&listeners(after)) {
        let text =
            format!("notifies fewer topics: {} instead of {}", listeners(after), listeners(before));
        say(Level::Caution, text);
    }
    for name in SENSITIVITY.iter().filter(|name| resource.changes(name)) {
        let text = match (&before[*name], &after[*name]) {
            (Value::Array(_), _) | (_, Value::Array(_)) => {
                format!("changes the condition that it fires on ({name})")
            }
            (old, new) => format!("fires at {name} {} instead of {}", plain(new), plain(old)),
        };
        say(Level::Caution, text);
    }
}

/// Rules that only counted matching requests can refuse them after the change.
fn firewall(resource: &Resource, say: &mut dyn FnMut(Level, String)) {
    let refuses = |side: &Value| {
        let mut rules = side["rule"].as_array().into_iter().flatten();
        rules.any(|rule| {
            rule["override_action"][0]["none"].as_array().is_some_and(|none| !none.is_empty())
        })
    };
    if refuses(&resource.change.after) && !refuses(&resource.change.before) {
        let text = "the firewall's common rules refuse what they only counted: look at CountedRequests of a week first";
        say(Level::Danger, text.to_owned());
    } else {
        say(Level::Caution, "changes the firewall's rules".to_owned());
    }
}

/// Addresses that the firewall starts or stops to refuse.
fn addresses(resource: &Resource, say: &mut dyn FnMut(Level, String)) {
    let list = |side: &Value| {
        let list = side["addresses"].as_array().into_iter().flatten();
        list.map(plain).collect::<BTreeSet<String>>()
    };
    let (before, after) = (list(&resource.change.before), list(&resource.change.after));
    for (verb, which) in [("refuses", &after - &before), ("no longer refuses", &before - &after)] {
        if !which.is_empty() {
            let which = Vec::from_iter(which).join(", ");
            say(Level::Caution, format!("the firewall {verb} {which}"));
        }
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

fn retention(resource: &Resource, say: &mut dyn FnMut(Level, String)) {
    let days = |side: &Value| side["retention_in_days"].as_u64();
    match (days(&resource.change.before), days(&resource.change.after)) {
        (Some(before), Some(after)) if after < before => say(
            Level::Caution,
            format!("logs are kept {after} days instead of {before}: older events are deleted"),
        ),
        (Some(before), Some(after)) if after > before => {
            say(Level::Note, format!("logs are kept {after} days instead of {before}"));
        }
        _ => {}
    }
}
