//! The KMS key that encrypts the parameters with the keys is disabled.

use anyhow::Context as _;
use serde_json::Value;

use super::deployments::{EVENTS, OLD_TASKS_SERVE, deploy, refused};
use crate::aws::ssm;
use crate::drill::incident::{Incident, Injected, Over};
use crate::drill::procedure::Drill;

/// SSM cannot decrypt the parameters. ECS cannot inject the sidecar's key, so no new task starts. Running tasks keep
/// the keys that they read at start.
pub(super) const DISABLED: Incident = Incident {
    name: "kms-key-disabled",
    what: "a deployment while the KMS key of the environment is disabled",
    inject: |drill| {
        Box::pin(async {
            switch(drill, "disable-key").await?;
            let mitigate = Injected::now(|drill| {
                Box::pin(async {
                    switch(drill, "enable-key").await?;
                    deploy(drill).await
                })
            });
            let names_the_key = |text: &str| {
                text.contains("ResourceInitializationError") && text.contains("is disabled")
            };
            let definition = drill.definition.clone();
            refused(drill, &definition, names_the_key, mitigate).await
        })
    },
    sign: ("the new tasks stop with ResourceInitializationError: the key is disabled", "no error"),
    alarms: EVENTS,
    also: &["kms-key-disabled"],
    callers: OLD_TASKS_SERVE,
    recovery: ("with the key enabled, the deployment succeeds", ""),
    over: Over::Mitigated,
    ..Incident::COMMON
};

/// Enables or disables the KMS key of the parameter with the API's keys.
async fn switch(drill: &Drill, operation: &str) -> anyhow::Result<()> {
    let client = &drill.testbed.client;
    let api = drill.definition.container("api").context("no container api")?;
    let name = api.variable("API_KEY_PARAMETER").context("no API_KEY_PARAMETER")?;
    let key = ssm::key_of(client, name).await?.context("no key encrypts the parameter")?;
    let id = key.rsplit('/').next().unwrap_or(&key);
    client.call::<Value>(&["kms", operation, "--key-id", id]).await.map(drop)
}
