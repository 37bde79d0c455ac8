//! The key that encrypts the list of keys is disabled.

use anyhow::Context as _;
use serde_json::Value;

use super::deployments::{EVENTS, OLD_TASKS_SERVE, deploy, refused};
use crate::aws::ssm;
use crate::drill::incident::{Incident, Injected, Over};
use crate::drill::procedure::Drill;

/// SSM decrypts nothing more. ECS cannot inject the sidecar's key, so no new task starts; running tasks have read theirs.
pub(super) const DISABLED: Incident = Incident {
    name: "kms-key-disabled",
    what: "a deployment while the environment's key of KMS is disabled",
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
    sign: ("the new tasks end with ResourceInitializationError, and SSM names the key", "an error"),
    alarms: EVENTS,
    also: &["kms-key-disabled"],
    callers: OLD_TASKS_SERVE,
    recovery: ("the key is enabled, and the deployment succeeds", ""),
    over: Over::Mitigated,
    ..Incident::COMMON
};

/// Calls KMS for the key of the parameter with the list of keys.
async fn switch(drill: &Drill, operation: &str) -> anyhow::Result<()> {
    let client = &drill.testbed.client;
    let api = drill.definition.container("api").context("no container api")?;
    let name = api.variable("API_KEY_PARAMETER").context("no parameter")?;
    let key = ssm::key_of(client, name).await?.context("no key encrypts the parameter")?;
    let id = key.rsplit('/').next().unwrap_or(&key);
    client.call::<Value>(&["kms", operation, "--key-id", id]).await.map(drop)
}
