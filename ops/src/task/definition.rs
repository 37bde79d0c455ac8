//! The task definition as `DescribeTaskDefinition` returns it, and its containers as a plan has them.
//!
//! Fields that the runner does not act on are collected under `rest`, so that it can say what it
//! left out instead of leaving it out in silence.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// The registered task definition.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskDefinition {
    /// ARN with the revision.
    pub task_definition_arn: String,
    /// MiB of the whole task.
    pub memory: Option<String>,
    /// `awsvpc` on Fargate.
    pub network_mode: Option<String>,
    /// Role that pulls images, reads secrets and writes logs before the containers run.
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
    /// Whether the task stops with it.
    #[serde(default = "yes")]
    pub essential: bool,
    /// Plain environment.
    #[serde(default)]
    pub environment: Vec<Variable>,
    /// Environment from SSM.
    #[serde(default)]
    pub secrets: Vec<Secret>,
    /// What has to be reached before this one starts.
    #[serde(default)]
    pub depends_on: Vec<Dependency>,
    /// Health check, run inside of the container.
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

/// A name, and the ARN that its value comes from.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Secret {
    /// Name.
    pub name: String,
    /// ARN of an SSM parameter.
    pub value_from: String,
}

/// Start after another container.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Dependency {
    /// The other one.
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
    /// From one check to the next.
    #[serde(default = "thirty")]
    pub interval: u64,
    /// How long a check may take.
    #[serde(default = "five")]
    pub timeout: u64,
    /// Failures in a row until the container is unhealthy.
    #[serde(default = "three")]
    pub retries: u32,
    /// In which failures do not count.
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
    /// Where.
    pub container_path: String,
    /// MiB.
    pub size: u64,
    /// Options of the mount.
    #[serde(default)]
    pub mount_options: Vec<String>,
}

/// A resource limit.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ulimit {
    /// `nofile`, the only one that Fargate lets be set.
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
    /// Where.
    pub container_path: String,
    /// Whether it is read-only there.
    #[serde(default)]
    pub read_only: bool,
}

/// A volume; on Fargate an ephemeral one, root's.
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

    /// `family:revision`, for people.
    #[must_use]
    pub fn short_name(&self) -> &str {
        self.task_definition_arn.rsplit('/').next().unwrap_or(&self.task_definition_arn)
    }
}

impl Container {
    /// Whether no capability is left to it.
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

    /// The settings that the runner does nothing with, by name. What carries no meaning when it is
    /// empty or zero (the emulator fills such fields in) is not listed.
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
    fn the_agreed_shape_is_understood() {
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
    fn what_the_runner_does_not_act_on_is_named() {
        let text = SAMPLE.replace(
            r#""name": "api","#,
            r#""name": "api", "systemControls": [{"namespace": "net"}], "dnsServers": [],"#,
        );
        let definition: TaskDefinition = serde_json::from_str(&text).unwrap();
        assert_eq!(definition.container("api").unwrap().ignored(), ["systemControls"]);
    }
}
