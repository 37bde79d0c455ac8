//! Every alarm has existing metrics. It notifies a topic, or it is part of a composite alarm that does.

use std::collections::{BTreeMap, BTreeSet};

use contract::list::at_least;
use ops::alarms::alarm::Kind;
use ops::alarms::metric::MetricId;
use serde_json::Value;

use crate::stack::{Stack, data, stack};

/// Metrics of AWS's own namespaces, with their dimension sets.
fn aws_metrics() -> Value {
    let text = std::fs::read_to_string(data("aws-metrics.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// The `CloudWatch` metric name of a web ACL or of one of its rules.
fn figures(of: &Value) -> &str {
    of["visibility_config"][0]["metric_name"].as_str().unwrap()
}

/// Checks that a metric can have data. AWS publishes it with these dimensions, or the sidecar's lines have it. Every
/// dimension's value must be that of a resource in the plan.
pub(crate) fn check_metric(stack: &Stack, emitted: &BTreeSet<MetricId>, id: &MetricId) {
    let sidecar = stack.sidecar_environment();
    if id.namespace == sidecar["METRICS_NAMESPACE"] {
        let filters = stack.planned("aws_cloudwatch_log_metric_filter");
        let by_filter = filters.iter().any(|f| {
            let made = &f.change.after["metric_transformation"][0];
            made["namespace"] == id.namespace.as_str()
                && made["name"] == id.name.as_str()
                && id.dimensions.is_empty()
        });
        assert!(by_filter || emitted.contains(id), "nothing emits {id}");
        return;
    }
    let metrics = aws_metrics();
    let sets = &metrics[&id.namespace]["metrics"][&id.name];
    let names: Vec<&String> = id.dimensions.keys().collect();
    let known = sets.as_array().is_some_and(|sets| {
        sets.iter().any(|set| {
            let mut set: Vec<&str> =
                set.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            set.sort_unstable();
            set == names
        })
    });
    assert!(known, "AWS does not publish {id} with the dimensions {names:?}");
    let certificate = stack.planned("aws_acm_certificate_validation");
    let firewall = stack.only("aws_wafv2_web_acl");
    let existing = BTreeMap::from([
        ("Region", Some("us-east-1")),
        ("WebACL", Some(figures(firewall))),
        ("LoadBalancer", Some(stack.attribute("aws_lb", "arn_suffix"))),
        ("TargetGroup", Some(stack.attribute("aws_lb_target_group", "arn_suffix"))),
        ("ClusterName", Some(stack.attribute("aws_ecs_cluster", "name"))),
        ("ServiceName", Some(stack.attribute("aws_ecs_service", "name"))),
        ("HealthCheckId", Some(stack.attribute("aws_route53_health_check", "id"))),
        ("QueueName", Some(stack.attribute("aws_sqs_queue", "name"))),
        ("CertificateArn", certificate[0].change.after["certificate_arn"].as_str()),
    ]);
    for (name, value) in &id.dimensions {
        if name == "Rule" {
            let mut rules = firewall["rule"].as_array().unwrap().iter().map(figures);
            assert!(value == "ALL" || rules.any(|rule| rule == value), "{name} of {id}");
            continue;
        }
        assert_eq!(existing[name.as_str()], Some(value.as_str()), "{name} of {id}");
    }
}

#[test]
fn alarm_metrics_have_data() {
    let Some(stack) = stack("alarm_metrics_have_data") else { return };
    let emitted = crate::lines::emitted(stack);
    let mut checked = 0;
    for alarm in &stack.alarms {
        let Kind::Metric(metric) = &alarm.kind else { continue };
        assert!(!metric.metrics.is_empty(), "{} has no metric", alarm.name);
        for metric in metric.metrics.values() {
            check_metric(stack, &emitted, &metric.id);
            checked += 1;
        }
    }
    assert!(checked > 40, "{checked}");
    println!("{checked} metrics of {} alarms", stack.alarms.len());
}

#[test]
fn container_insights_are_enabled() {
    let Some(stack) = stack("container_insights_are_enabled") else { return };
    let setting = &stack.only("aws_ecs_cluster")["setting"][0];
    assert_eq!(setting["name"], "containerInsights");
    assert!(matches!(setting["value"].as_str(), Some("enabled" | "enhanced")));
}

#[test]
fn alarms_notify_a_topic_or_are_in_a_composite() {
    let Some(stack) = stack("alarms_notify_a_topic_or_are_in_a_composite") else {
        return;
    };
    let topics: BTreeSet<&str> = stack
        .planned("aws_sns_topic")
        .iter()
        .filter_map(|t| t.change.after["arn"].as_str())
        .collect();
    assert_eq!(topics.len(), 2);
    let children: BTreeSet<&str> = stack
        .alarms
        .iter()
        .filter_map(|a| match &a.kind {
            Kind::Composite(children) => Some(children),
            Kind::Metric(_) => None,
        })
        .flatten()
        .map(String::as_str)
        .collect();
    let names: BTreeSet<&str> = stack.alarms.iter().map(|a| a.name.as_str()).collect();
    assert_eq!(
        names.len(),
        stack.alarms.len(),
        "two alarms have one name, so one overwrites the other"
    );
    for child in at_least(12, &children) {
        assert!(names.contains(child), "a composite names {child}, which does not exist");
    }
    for alarm in &stack.alarms {
        let name = alarm.name.as_str();
        let is_child = children.contains(name);
        assert_eq!(alarm.alarm_actions.is_empty(), is_child, "{name}");
        assert_eq!(
            alarm.alarm_actions, alarm.ok_actions,
            "{name}: the topics for ALARM and OK must be equal"
        );
        for topic in &alarm.alarm_actions {
            assert!(
                topics.contains(topic.as_str()),
                "{name} notifies {topic}, which does not exist"
            );
        }
    }
}

#[test]
fn only_alarms_that_affect_callers_page() {
    let Some(stack) = stack("only_alarms_that_affect_callers_page") else { return };
    let waking: BTreeSet<&str> = stack
        .alarms
        .iter()
        .filter(|a| a.alarm_actions.iter().any(|t| t.ends_with("-page")))
        .map(|a| stack.short(&a.name))
        .collect();
    assert_eq!(
        waking,
        BTreeSet::from([
            "no-healthy-target",
            "slo-availability-fast",
            "slo-availability-slow",
            "slo-latency-fast",
            "slo-latency-slow",
            "unreachable",
        ])
    );
}

#[test]
fn rollback_alarms_ignore_callers_errors() {
    let name = "rollback_alarms_ignore_callers_errors";
    let Some(stack) = stack(name) else { return };
    let service = stack.only("aws_ecs_service");
    let rolling: Vec<&str> = service["alarms"][0]["alarm_names"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    for name in at_least(1, rolling) {
        let alarm = stack.alarms.iter().find(|a| a.name == name).expect("it exists");
        let Kind::Metric(alarm) = &alarm.kind else { panic!("{name} is a composite") };
        for metric in at_least(1, alarm.metrics.values()) {
            let metric = metric.id.name.as_str();
            assert!(!metric.contains("4XX") && metric != "RequestCount", "{name} counts {metric}");
        }
    }
}

#[test]
fn event_rules_have_a_target_and_a_complete_message() {
    let Some(stack) = stack("event_rules_have_a_target_and_a_complete_message") else { return };
    let targets = stack.planned("aws_cloudwatch_event_target");
    let cluster = stack.attribute("aws_ecs_cluster", "name");
    for rule in at_least(2, stack.planned("aws_cloudwatch_event_rule")) {
        let name = rule.change.after["name"].as_str().unwrap();
        let to: Vec<_> = targets.iter().filter(|t| t.change.after["rule"] == name).collect();
        assert_eq!(to.len(), 1, "{name}");
        let pattern: Value =
            serde_json::from_str(rule.change.after["event_pattern"].as_str().unwrap()).unwrap();
        assert_eq!(pattern["source"][0], "aws.ecs");
        assert!(pattern.to_string().contains(&format!("/{cluster}")), "{pattern}");
        // Every placeholder of the message has an input path.
        let transformer = &to[0].change.after["input_transformer"][0];
        let template = transformer["input_template"].as_str().unwrap();
        let paths = transformer["input_paths"].as_object().unwrap();
        for path in at_least(1, paths.keys()) {
            assert!(template.contains(&format!("<{path}>")), "{name}: {path}");
        }
        assert_eq!(template.matches('<').count(), paths.len(), "{template}");
    }
}
