//! Reads and writes the SSM parameter, and detects concurrent writers.
//!
//! SSM has no conditional write. So the command compares the version that a write returns with the version that it
//! read. If the new version is not the next one, another writer wrote in between. The command then restores that
//! writer's list and fails.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail, ensure};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::aws;

/// A version of the parameter.
#[derive(Debug)]
pub(super) struct Parameter {
    name: String,
    settings: Settings,
    version: u64,
    /// The list.
    pub(super) value: SecretString,
}

/// The settings that a write must repeat to change only the value. Without the KMS key, SSM would encrypt with the
/// account's default key, which tasks cannot use.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Settings {
    r#type: String,
    key_id: String,
    #[serde(default)]
    description: Option<String>,
    tier: String,
    last_modified_date: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Read {
    value: SecretString,
    version: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Written {
    version: u64,
}

impl Parameter {
    /// Reads the newest version.
    pub(super) fn read(name: &str) -> anyhow::Result<Self> {
        let filter = format!("Key=Name,Values={name}");
        let query = "Parameters[0]";
        let describe =
            ["ssm", "describe-parameters", "--parameter-filters", &filter, "--query", query];
        let settings: Option<Settings> = aws::call(&describe)?;
        let settings = settings.with_context(|| {
            format!(
                "there is no parameter {name}: apply Terraform, which creates it with the service"
            )
        })?;
        ensure!(
            settings.r#type == "SecureString",
            "{name} is a {}: expected a SecureString",
            settings.r#type
        );
        let Read { value, version } = read(name)?;
        Ok(Self { name: name.to_owned(), settings, version, value })
    }

    /// The list of an earlier version.
    pub(super) fn value_of(&self, version: u64) -> anyhow::Result<SecretString> {
        Ok(read(&format!("{}:{version}", self.name))?.value)
    }

    /// The time of the last write.
    pub(super) fn written_at(&self) -> anyhow::Result<SystemTime> {
        time(&self.settings.last_modified_date).context("SSM returned no time of the last change")
    }

    /// Writes the next version. After an error this change is not in the list, unless the error names the versions to
    /// compare.
    pub(super) fn write(&self, value: &SecretString) -> anyhow::Result<()> {
        let written = self.put(value)?;
        if written == self.version + 1 {
            return Ok(());
        }
        let other = written - 1;
        let restored = self.put(&self.value_of(other)?)?;
        let name = &self.name;
        ensure!(
            restored == written + 1,
            "other writers change {name} at the same time. This command wrote versions {written} and {restored}. \
             Before a deployment, compare them with versions {other} and {}: docs/runbook.md, \"A wrong key in SSM\"",
            restored - 1
        );
        bail!(
            "another writer wrote version {other} of {name} at the same time. This command restored that list without its own \
             change. Run the command again"
        )
    }

    /// Overwrites only the value. The value is never an argument.
    fn put(&self, value: &SecretString) -> anyhow::Result<u64> {
        let Settings { r#type, key_id, description, tier, .. } = &self.settings;
        let mut input = json!({
            "Name": self.name, "Value": value.expose_secret(), "Type": r#type, "KeyId": key_id,
            "Tier": tier, "Overwrite": true,
        });
        if let Some(description) = description {
            input["Description"] = json!(description);
        }
        let written: Written = aws::call_with(&["ssm", "put-parameter"], &input)?;
        Ok(written.version)
    }
}

fn read(name: &str) -> anyhow::Result<Read> {
    let get = ["ssm", "get-parameter", "--with-decryption", "--name", name, "--query", "Parameter"];
    aws::call(&get)
}

/// A time of the AWS CLI. Version 1 prints seconds since 1970, version 2 prints ISO 8601 in UTC.
fn time(value: &Value) -> Option<SystemTime> {
    match value {
        Value::String(text) => humantime::parse_rfc3339(&text.replace("+00:00", "Z")).ok(),
        _ => Some(UNIX_EPOCH + Duration::try_from_secs_f64(value.as_f64()?).ok()?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_reads_the_formats_of_both_cli_versions() {
        let expected = UNIX_EPOCH + Duration::from_millis(1_764_237_600_250);
        for text in [json!(1_764_237_600.25), json!("2025-11-27T10:00:00.250000+00:00")] {
            assert_eq!(time(&text), Some(expected), "{text}");
        }
        assert_eq!(time(&json!("yesterday")), None);
        assert_eq!(time(&json!(-1)), None);
    }
}
