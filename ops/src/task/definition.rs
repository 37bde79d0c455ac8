//! The task definition of `DescribeTaskDefinition`, and its containers as they are in a plan.
//!
//! `rest` collects the fields that the runner does not use, so that it can report them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// The registered task definition.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskDefinition {
    /// ARN with the revision.
    pub task_definition_arn: String,
    /// Memory of the whole task, in MiB.
    pub memory: Option<String>,
    /// `awsvpc` on Fargate.
    pub network_mode: Option<String>,
    /// Role of ECS for this task: it pulls images, reads secrets and writes logs.
    pub execution_role_arn: Option<String>,
    /// Role of the processes in the containers.
    pub task_role_arn: Option<String>,
    /// The containers.
    pub container_definitions: Vec<Container>,
    /// Volumes that mount points name.
    #[serde(default)]
    pub volumes: Vec<Volume>,
}

/// One container.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Container {
    /// Name.
    pub name: String,
    /// Image reference.
    pub image: String,
    /// Whether the task stops when this container ends.
    #[serde(default = "yes")]
    pub essential: bool,
    /// Plain environment.
    #[serde(default)]
    pub environment: Vec<Variable>,
    /// Environment from SSM.
    #[serde(default)]
    pub secrets: Vec<Secret>,
    /// Conditions that must be true before this container starts.
    #[serde(default)]
    pub depends_on: Vec<Dependency>,
    /// Health check, which runs in the container.
    pub health_check: Option<HealthCheck>,
    /// Whether the root file system is read-only.
    #[serde(default)]
    pub readonly_root_filesystem: bool,
    /// `user`, `uid` or `uid:gid`; overrides the image's.
    pub user: Option<String>,
    /// Capabilities, init process, tmpfs.
    pub linux_parameters: Option<LinuxParameters>,
    /// Volumes in the container.
    #[serde(default)]
    pub mount_points: Vec<MountPoint>,
    /// Seconds from the stop signal to SIGKILL.
    #[serde(default = "thirty")]
    pub stop_timeout: u64,
    /// Overrides the image's command.
    #[serde(default)]
    pub command: Vec<String>,
    /// Overrides the image's entry point.
    #[serde(default)]
    pub entry_point: Vec<String>,
    /// Resource limits.
    #[serde(default)]
    pub ulimits: Vec<Ulimit>,
    /// Everything else.
    #[serde(flatten)]
    pub rest: BTreeMap<String, Value>,
}

/// A name and a value.
#[derive(Debug, Clone, Deserialize)]
pub struct Variable {
    /// Name.
    pub name: String,
    /// Value.
    #[serde(default)]
    pub value: String,
}

/// A name, and the ARN of its value.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Secret {
    /// Name.
    pub name: String,
    /// ARN of an SSM parameter.
    pub value_from: String,
}

/// A condition on another container.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Dependency {
    /// The other container.
    pub container_name: String,
    /// `START`, `COMPLETE`, `SUCCESS` or `HEALTHY`.
    pub condition: String,
}

/// A command that exits 0 when the container is healthy. Times in seconds, with ECS's defaults.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HealthCheck {
    /// `["CMD", …]` or `["CMD-SHELL", …]`.
    pub command: Vec<String>,
    /// Time between two checks.
    #[serde(default = "thirty")]
    pub interval: u64,
    /// Maximum time of a check.
    #[serde(default = "five")]
    pub timeout: u64,
    /// Failures in a row until the container is unhealthy.
    #[serde(default = "three")]
    pub retries: u32,
    /// Time after the start in which failures do not count.
    #[serde(default)]
    pub start_period: u64,
}

/// Linux-specific settings.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LinuxParameters {
    /// Capabilities.
    pub capabilities: Option<Capabilities>,
    /// tmpfs mounts.
    pub tmpfs: Vec<Tmpfs>,
    /// Whether an init process is PID 1.
    pub init_process_enabled: bool,
}

/// Capabilities that are added to or dropped from the runtime's default set.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Capabilities {
    /// Added.
    pub add: Vec<String>,
    /// Dropped; `ALL` drops all.
    pub drop: Vec<String>,
}

/// A tmpfs mount.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tmpfs {
    /// Path in the container.
    pub container_path: String,
    /// Size in MiB.
    pub size: u64,
    /// Options of the mount.
    #[serde(default)]
    pub mount_options: Vec<String>,
}

/// A resource limit.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ulimit {
    /// `nofile`, the only limit that Fargate allows.
    pub name: String,
    /// Soft limit.
    pub soft_limit: u64,
    /// Hard limit.
    pub hard_limit: u64,
}

/// A volume in a container.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MountPoint {
    /// Name of the volume.
    pub source_volume: String,
    /// Path in the container.
    pub container_path: String,
    /// Whether the mount is read-only.
    #[serde(default)]
    pub read_only: bool,
}

/// A volume. On Fargate it is ephemeral, and root owns it.
#[derive(Debug, Clone, Deserialize)]
pub struct Volume {
    /// Name.
    pub name: String,
}

fn yes() -> bool {
    true
}
fn thirty() -> u64 {
    30
}
fn five() -> u64 {
    5
}
fn three() -> u32 {
    3
}

impl TaskDefinition {
    /// The container of this name.
    #[must_use]
    pub fn container(&self, name: &str) -> Option<&Container> {
        self.container_definitions.iter().find(|c| c.name == name)
    }

    /// `family:revision`, for messages.
    #[must_use]
    pub fn short_name(&self) -> &str {
        self.task_definition_arn.rsplit('/').next().unwrap_or(&self.task_definition_arn)
    }
}

impl Container {
    /// Whether it drops all capabilities.
    #[must_use]
    pub fn drops_all_capabilities(&self) -> bool {
        let capabilities = self.linux_parameters.as_ref().and_then(|l| l.capabilities.as_ref());
        capabilities.is_some_and(|c| c.drop.iter().any(|name| name == "ALL"))
    }

    /// Its tmpfs mounts.
    pub fn tmpfs(&self) -> impl Iterator<Item = &Tmpfs> {
        self.linux_parameters.iter().flat_map(|linux| &linux.tmpfs)
    }

    /// The plain value of an environment variable.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.environment.iter().find(|v| v.name == name).map(|v| v.value.as_str())
    }

    /// The names of the settings that the runner does not use. Empty values and zeros are not listed: the emulator
    /// fills in such fields.
    #[must_use]
    pub fn ignored(&self) -> Vec<&str> {
        self.rest
            .iter()
            .filter(|(name, _)| {
                !matches!(
                    name.as_str(),
                    "cpu" | "logConfiguration" | "portMappings" | "volumesFrom"
                )
            })
            .filter(|(_, value)| match value {
                Value::Null => false,
                Value::Array(items) => !items.is_empty(),
                Value::Object(members) => !members.is_empty(),
                Value::Bool(set) => *set,
                Value::Number(number) => number.as_u64() != Some(0),
                Value::String(text) => !text.is_empty(),
            })
            .map(|(name, _)| name.as_str())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::TaskDefinition;

    const SAMPLE: &str = include_str!("sample.json");

    #[test]
    fn sample_definition_is_parsed() {
        let definition: TaskDefinition = serde_json::from_str(SAMPLE).unwrap();
        let nginx = definition.container("nginx").unwrap();
        assert_eq!(definition.short_name(), "orders:1");
        assert_eq!(nginx.depends_on[0].condition, "HEALTHY");
        assert_eq!(
            nginx.linux_parameters.as_ref().unwrap().tmpfs[0].container_path,
            "/run/sidecar"
        );
        assert_eq!(definition.container("api").unwrap().health_check.as_ref().unwrap().retries, 3);
        assert!(definition.container("api").unwrap().essential, "essential is the default");
    }

    #[test]
    fn unused_settings_are_listed() {
        let text = SAMPLE.replace(
            r#""name": "api","#,
            r#""name": "api", "systemControls": [{"namespace": "net"}], "dnsServers": [],"#,
        );
        let definition: TaskDefinition = serde_json::from_str(&text).unwrap();
        assert_eq!(definition.container("api").unwrap().ignored(), ["systemControls"]);
    }
}
