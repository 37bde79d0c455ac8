//! Changes of availability: restarts, deployments, scaling and health checks.

use serde_json::Value;

use super::container;
use super::finding::Level;
use crate::plan::{Action, Resource};

/// The effect of the change of a resource on callers.
pub(super) fn changes(resource: &Resource) -> Vec<(Level, String)> {
    let mut found = Vec::new();
    let mut say = |level, text| found.push((level, text));
    match (resource.kind.as_str(), resource.action()) {
        ("aws_ecs_task_definition", Action::Replace) => task(resource, &mut say),
        ("aws_ecs_service", Action::Update) => service(resource, &mut say),
        ("aws_appautoscaling_target", _) => scaling(resource, &mut say),
        ("aws_lb_target_group", Action::Update) if resource.changes("health_check") => {
            let text = "changes the health check of the load balancer";
            say(Level::Caution, text.to_owned());
        }
        _ => {}
    }
    found
}

fn task(resource: &Resource, say: &mut dyn FnMut(Level, String)) {
    let containers: Vec<_> = container::pairs(resource).collect();
    let images: Vec<&str> = containers
        .iter()
        .filter(|(before, after)| before.image != after.image)
        .map(|(_, after)| after.name.as_str())
        .collect();
    let what = if images.is_empty() {
        String::new()
    } else {
        format!(" with a new image of {}", images.join(" and "))
    };
    let text = format!("every task is replaced{what}: new ones are healthy before old ones drain");
    say(Level::Note, text);
    for (before, after) in &containers {
        if before.health_check != after.health_check {
            let text = format!("{}: changes the health check of the container", after.name);
            say(Level::Caution, text);
        }
    }
}

fn service(resource: &Resource, say: &mut dyn FnMut(Level, String)) {
    let (before, after) = (&resource.change.before, &resource.change.after);
    let goes_off = |name: &str| {
        let on = |side: &Value| side["alarms"][0][name] == true;
        on(before) && !on(after)
    };
    if goes_off("enable") || goes_off("rollback") {
        say(Level::Danger, "alarms no longer roll a deployment back".to_owned());
    }
    let healthy = |side: &Value| side["deployment_minimum_healthy_percent"].as_f64();
    if healthy(after) < healthy(before) {
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
    for (name, what) in [("min_capacity", "smallest"), ("max_capacity", "largest")] {
        let number = |side: &Value| side[name].as_u64();
        if let (Some(before), Some(after)) =
            (number(&resource.change.before), number(&resource.change.after))
            && before != after
        {
            let level = if after < before { Level::Caution } else { Level::Note };
            say(level, format!("the {what} number of tasks goes from {before} to {after}"));
        }
    }
}
