//! Checks the registered task definition and balancer.

use std::collections::BTreeSet;

use crate::task::container::Launch;
use crate::task::definition::TaskDefinition;
use crate::task::{health, image};
use crate::testbed::Testbed;
use crate::testbed::report::Report;

/// Checks what is visible before a task runs.
pub(super) fn check(
    testbed: &Testbed,
    definition: &TaskDefinition,
    report: &mut Report,
) -> anyhow::Result<()> {
    for listener in &testbed.applied.listeners {
        report.note(&format!(
            "listener {} {}, {} rules",
            listener.port,
            listener.protocol,
            listener.rules.len()
        ));
    }
    let group = &testbed.group;
    report.note(&format!(
        "target group: {} every {} s, {} to be healthy, {} to be unhealthy, deregistration delay {} s",
        group.path, group.interval, group.healthy, group.unhealthy, group.deregistration_delay()?
    ));
    let names: BTreeSet<&str> =
        definition.container_definitions.iter().map(|c| c.name.as_str()).collect();
    report.check(
        "the containers are the API and nginx",
        names == BTreeSet::from(["api", "nginx"]),
        &names.iter().copied().collect::<Vec<_>>().join(", "),
    );
    for container in &definition.container_definitions {
        let name = &container.name;
        report.check(
            &format!("{name}: its image is named by digest"),
            image::digest(&container.image).is_some(),
            &container.image,
        );
        let ignored = container.ignored();
        if !ignored.is_empty() {
            report.note(&format!("{name}: declared, but not applied here: {}", ignored.join(", ")));
        }
        let launch = Launch::new(definition, container, &testbed.runner.sources, Vec::new())?;
        let task = container.health_check.as_ref().map(health::argv).unwrap_or_default();
        let image = &launch.image_health_command;
        // The programs of the base image are not on this machine. The health check that the image declares names one
        // that the image has.
        report.check(
            &format!("{name}: the health check is the one that the image declares"),
            !task.is_empty() && task == *image,
            &task.join(" "),
        );
    }
    // ECS stops a container only after the containers that depend on it. Without `dependsOn`, both stop at once.
    let waits = definition.container("nginx").is_some_and(|nginx| {
        nginx.depends_on.iter().any(|d| d.container_name == "api" && d.condition == "HEALTHY")
    });
    report.check(
        "nginx depends on a healthy API, so it starts after it and stops before it",
        waits,
        "",
    );
    let secret = definition
        .container_definitions
        .iter()
        .flat_map(|c| &c.environment)
        .find(|v| v.name == "API_KEY");
    report.check("no container has API_KEY as plain text", secret.is_none(), "");
    Ok(())
}
