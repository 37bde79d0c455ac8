//! Deployments of releases that do not work.

use std::time::Instant;

use anyhow::Context as _;

use crate::aws::ssm;
use crate::drill::incident::{
    Alarm, Callers, Incident, Injected, Observed, Over, RECOVERED, SIGN, Step,
};
use crate::drill::procedure::Drill;
use crate::task::definition::{Container, TaskDefinition};

/// The events that ECS sends for a failed deployment and for its tasks.
pub(super) const EVENTS: &[(&str, Alarm)] = &[
    ("deployment-failed", Alarm::Event("deployment-failed")),
    ("task-stopped", Alarm::Event("task-stopped")),
];
pub(super) const OLD_TASKS_SERVE: Callers =
    Callers::DoNotNotice("the old tasks serve, no request fails");

pub(super) const API_FAILING: Incident = Incident {
    name: "api-failing",
    what: "a release whose API answers 500 (another process in its place)",
    inject: |drill| {
        Box::pin(async {
            let mut bad = drill.definition.clone();
            let script = failing(&drill.testbed.call.live, &drill.testbed.call.ready);
            api(&mut bad)?.entry_point = vec!["/bin/sh".into(), "-c".into(), script];
            drill.testbed.service.deploy(&bad).await?;
            drill.recorder.watch(&drill.testbed.service.tasks);
            // The incident begins when the bad release is in service.
            Ok(Injected::now(deploy))
        })
    },
    hold: 7,
    sign: (SIGN, "HTTPCode_Target_5XX_Count; upstream_status 500 in the sidecar's line"),
    shows: |s| s.target[2] > 0,
    alarms: &[("target-5xx", Alarm::Metric("target-5xx"))],
    recovery: (RECOVERED, "the deployment is rolled back"),
    ..Incident::COMMON
};

/// A process that answers its probes with 200 and all other requests with 500.
fn failing(live: &str, ready: &str) -> String {
    format!(
        r#"exec haproxy -db -f /dev/stdin <<END
defaults
  mode http
  timeout client 60s
  timeout connect 1s
  timeout server 60s
frontend api
  bind $LISTEN
  http-request return status 200 content-type application/json string '{{"status":"ready"}}' if {{ path {live} {ready} }}
  http-request return status 500 content-type application/problem+json string '{{"status":500}}'
END"#
    )
}

/// The value in SSM is not a valid key, so the next deployment fails.
pub(super) const WRONG_KEY: Incident = Incident {
    name: "wrong-key-in-ssm",
    what: "a deployment while the API's key in SSM is invalid",
    inject: |drill| {
        Box::pin(async {
            let api = drill.definition.container("api").context("no container api")?;
            let name =
                api.variable("API_KEY_PARAMETER").context("no API_KEY_PARAMETER")?.to_owned();
            let right = ssm::get(&drill.testbed.client, &name).await?;
            ssm::overwrite(&drill.testbed.client, &name, "short", right.key_id.as_deref()).await?;
            let mitigate = Injected::now(move |drill| {
                Box::pin(async move {
                    let version = right.version.to_string();
                    drill.testbed.change_keys(&["restore", &version], &[]).await.map(drop)
                })
            });
            let names_the_rule = |text: &str| text.contains("8 to 128") && !text.contains("short");
            let definition = drill.definition.clone();
            refused(drill, &definition, names_the_rule, mitigate).await
        })
    },
    sign: ("the new tasks stop, and their error names the rule but not the value", "no error"),
    alarms: EVENTS,
    callers: OLD_TASKS_SERVE,
    recovery: ("`ops key restore` restores the valid key, and the deployment succeeds", ""),
    over: Over::Mitigated,
    ..Incident::COMMON
};

/// The registry has no image with this digest.
pub(super) const BAD_IMAGE_DIGEST: Incident = Incident {
    name: "bad-image-digest",
    what: "a deployment of an image that does not exist",
    inject: |drill| {
        Box::pin(async {
            let mut bad = drill.definition.clone();
            let api = api(&mut bad)?;
            let (repository, _) = api.image.rsplit_once(':').context("the image has no digest")?;
            api.image = format!("{repository}:{}", "f".repeat(64));
            let not_pulled = |text: &str| text.contains("CannotPullContainerError");
            refused(drill, &bad, not_pulled, Injected::while_held(())).await
        })
    },
    sign: ("ECS cannot pull the image", "no error"),
    alarms: EVENTS,
    callers: OLD_TASKS_SERVE,
    recovery: (RECOVERED, "none: the deployment has ended, the old tasks serve"),
    ..Incident::COMMON
};

/// Deploys a definition that must fail. `good` accepts the text of the expected error.
pub(super) async fn refused(
    drill: &mut Drill,
    definition: &TaskDefinition,
    good: impl Fn(&str) -> bool,
    injected: Injected,
) -> anyhow::Result<Injected> {
    let begun = Instant::now();
    let failure = drill.testbed.service.deploy(definition).await.err();
    let observed = failure.map(|error| format!("{error:#}")).map(|text| Observed {
        after: begun.elapsed().as_secs_f32(),
        good: good(&text),
        text,
    });
    Ok(Injected { begun, observed, ..injected })
}

/// Deploys the release that works.
pub(super) fn deploy(drill: &mut Drill) -> Step<'_> {
    Box::pin(async { drill.testbed.service.deploy(&drill.definition).await.map(drop) })
}

fn api(definition: &mut TaskDefinition) -> anyhow::Result<&mut Container> {
    let mut containers = definition.container_definitions.iter_mut();
    containers.find(|container| container.name == "api").context("no container api")
}
