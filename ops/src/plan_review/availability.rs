//! Whether callers notice: what goes away, what restarts, and whether the timing budget still holds.

use super::container::{self, Container};
use super::finding::{Finding, Level, Topic};
use super::plan::{Action, Plan, Resource};

/// Resources whose end callers see at once, and what they see.
const IN_THE_PATH: &[(&str, &str)] = &[
    ("aws_acm_certificate", "callers see another certificate"),
    ("aws_ecs_cluster", "no task runs until the next cluster has started them"),
    ("aws_ecs_service", "no task answers until the next service is steady"),
    ("aws_lb", "nobody reaches the service, and the balancer's DNS name changes"),
    ("aws_lb_listener", "the load balancer does not answer on this port"),
    ("aws_lb_listener_rule", "the load balancer answers 404 to every route"),
    ("aws_lb_target_group", "the load balancer has nowhere to send requests"),
    ("aws_route53_record", "the name does not resolve"),
    ("aws_subnet", "what runs in it is moved"),
    ("aws_vpc", "everything in it is made anew"),
    ("aws_vpc_endpoint", "tasks that start meanwhile reach no AWS API"),
];

/// What a plan does to those who are being served.
#[must_use]
pub(super) fn findings(plan: &Plan) -> Vec<Finding> {
    plan.changed().flat_map(of_resource).collect()
}

fn of_resource(resource: &Resource) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut say = |level, text: String| {
        found.push(Finding::new(level, Topic::Availability, &resource.address, text));
    };
    let in_the_path = IN_THE_PATH.iter().find(|(kind, _)| *kind == resource.kind);
    if let (Some((_, text)), Action::Destroy | Action::Replace) = (in_the_path, resource.action()) {
        say(Level::Danger, (*text).to_owned());
    }
    match resource.kind.as_str() {
        "aws_ecs_task_definition" => task(resource, &mut say),
        "aws_ecs_service" => service(resource, &mut say),
        "aws_appautoscaling_target" => scaling(resource, &mut say),
        "aws_appautoscaling_policy" if resource.action() == Action::Destroy => {
            say(Level::Caution, "the service no longer scales by this measure".to_owned());
        }
        "aws_lb" if number(resource, "idle_timeout").is_some_and(|seconds| seconds >= 75.0) => {
            let text = "the balancer keeps idle connections as long as the sidecar's 75 s or longer: it will use closed ones, callers see 502";
            say(Level::Danger, text.to_owned());
        }
        "aws_lb_target_group" if resource.action() == Action::Update => {
            target_group(resource, &mut say);
        }
        _ => {}
    }
    found
}

fn number(resource: &Resource, name: &str) -> Option<f64> {
    resource.change.after[name].as_f64().or_else(|| resource.after(name)?.parse().ok())
}

fn task(resource: &Resource, say: &mut dyn FnMut(Level, String)) {
    if resource.action() != Action::Replace && resource.action() != Action::Create {
        return;
    }
    let after = container::list(&resource.change.after);
    for container in &after {
        for text in timing(container) {
            say(Level::Danger, format!("{}: {text}", container.name));
        }
    }
    if resource.action() == Action::Create {
        return;
    }
    let images: Vec<&str> = after
        .iter()
        .filter(|new| {
            container::find(&resource.change.before, &new.name)
                .is_some_and(|old| old.image != new.image)
        })
        .map(|container| container.name.as_str())
        .collect();
    let what = if images.is_empty() {
        String::new()
    } else {
        format!(" with a new image of {}", images.join(" and "))
    };
    say(
        Level::Note,
        format!("every task is replaced{what}: new ones are healthy before old ones drain"),
    );
    for new in &after {
        let old = container::find(&resource.change.before, &new.name);
        if old.is_some_and(|old| old.health_check != new.health_check) {
            say(
                Level::Caution,
                format!("{}: changes how the container's health is found out", new.name),
            );
        }
    }
}

/// Where a container is killed before it has finished what it promised to finish.
fn timing(container: &Container) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(drain) = container.seconds("DRAIN_TIMEOUT")
        && drain >= container.stop_timeout
    {
        found.push(format!(
            "killed after {} s, while it still drains for {drain} s: requests are cut",
            container.stop_timeout
        ));
    }
    if let Some(keep_alive) = container.seconds("KEEP_ALIVE_TIMEOUT")
        && keep_alive <= 60
    {
        found.push(format!("closes idle connections after {keep_alive} s, as soon as the sidecar or sooner: callers see 502"));
    }
    found
}

fn service(resource: &Resource, say: &mut dyn FnMut(Level, String)) {
    if resource.action() != Action::Update {
        return;
    }
    let off = |block: &str, name: &str| {
        let value = |side: &serde_json::Value| side[block][0][name] == true;
        value(&resource.change.before) && !value(&resource.change.after)
    };
    if off("deployment_circuit_breaker", "enable") || off("deployment_circuit_breaker", "rollback")
    {
        say(Level::Danger, "a failing deployment is no longer stopped and rolled back".to_owned());
    }
    if off("alarms", "enable") || off("alarms", "rollback") {
        say(Level::Danger, "alarms no longer roll a deployment back".to_owned());
    }
    if number(resource, "deployment_minimum_healthy_percent").is_some_and(|percent| percent < 100.0)
    {
        say(
            Level::Caution,
            "a deployment stops tasks before their successors are healthy".to_owned(),
        );
    }
    if resource.changes("health_check_grace_period_seconds") {
        say(Level::Caution, "changes how long a new task may be unhealthy".to_owned());
    }
}

fn scaling(resource: &Resource, say: &mut dyn FnMut(Level, String)) {
    let sides =
        |name: &str| (resource.change.before[name].as_u64(), resource.change.after[name].as_u64());
    if resource.action() == Action::Destroy {
        say(Level::Caution, "the number of tasks no longer follows the load".to_owned());
    }
    for (name, what) in [("min_capacity", "smallest"), ("max_capacity", "largest")] {
        if let (Some(before), Some(after)) = sides(name)
            && before != after
        {
            let level = if after < before { Level::Caution } else { Level::Note };
            say(level, format!("the {what} number of tasks goes from {before} to {after}"));
        }
    }
    if resource.change.after["min_capacity"] == 1 {
        say(Level::Caution, "one task at least: a lost zone is an outage".to_owned());
    }
}

fn target_group(resource: &Resource, say: &mut dyn FnMut(Level, String)) {
    if resource.changes("health_check") {
        say(Level::Caution, "changes when the load balancer takes a task for healthy".to_owned());
    }
    if number(resource, "deregistration_delay").is_some_and(|seconds| seconds < 20.0) {
        say(Level::Danger, "a task leaves the balancer before the 20 s are over in which it drains: requests are cut".to_owned());
    }
}
