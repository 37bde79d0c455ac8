//! The containers of a task definition, as far as a review asks about them.

use std::collections::BTreeMap;

use serde_json::Value;

/// One container.
#[derive(Debug, Clone, Default)]
pub(super) struct Container {
    /// Such as `nginx`.
    pub(super) name: String,
    /// Registry, repository and digest.
    pub(super) image: String,
    /// `uid:gid`; empty when the image decides.
    pub(super) user: String,
    /// Whether the root filesystem is read-only.
    pub(super) read_only: bool,
    /// Whether the container has the host's rights.
    pub(super) privileged: bool,
    /// Seconds from the stop signal to the kill; ECS's own 30 when none is given.
    pub(super) stop_timeout: u64,
    /// Variables that anybody may read.
    pub(super) environment: BTreeMap<String, String>,
    /// The command of the health check.
    pub(super) health_check: Value,
}

impl Container {
    /// A variable's value, or nothing.
    #[must_use]
    pub(super) fn variable(&self, name: &str) -> String {
        self.environment.get(name).cloned().unwrap_or_default()
    }

    /// A variable that holds a duration such as `20s`, in whole seconds.
    #[must_use]
    pub(super) fn seconds(&self, name: &str) -> Option<u64> {
        self.environment.get(name)?.strip_suffix('s')?.parse().ok()
    }
}

/// The containers on one side of a change; none when they are only known after apply.
#[must_use]
pub(super) fn list(side: &Value) -> Vec<Container> {
    let parsed: Value = side["container_definitions"]
        .as_str()
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default();
    parsed.as_array().into_iter().flatten().map(read).collect()
}

/// The container of this name on one side of a change.
#[must_use]
pub(super) fn find(side: &Value, name: &str) -> Option<Container> {
    list(side).into_iter().find(|container| container.name == name)
}

fn read(value: &Value) -> Container {
    let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
    let variables = value["environment"].as_array().into_iter().flatten();
    Container {
        name: text("name"),
        image: text("image"),
        user: text("user"),
        read_only: value["readonlyRootFilesystem"] == true,
        privileged: value["privileged"] == true,
        stop_timeout: value["stopTimeout"].as_u64().unwrap_or(30),
        environment: variables
            .filter_map(|entry| {
                Some((entry["name"].as_str()?.to_owned(), entry["value"].as_str()?.to_owned()))
            })
            .collect(),
        health_check: value["healthCheck"].clone(),
    }
}
