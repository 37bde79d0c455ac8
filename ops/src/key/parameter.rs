//! The SSM parameter: read with its version, and written only on top of that version.
//!
//! SSM has no conditional write. So the answer to a write is looked at: another writer has been there when the new
//! version is not the next one. Its list is then put back, and the command fails.

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

/// What a write has to repeat, so that it changes the value alone. Without its key, SSM would encrypt with the
/// account's default key, which no task may use.
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
            format!("there is no parameter {name}: Terraform makes it with the service")
        })?;
        ensure!(settings.r#type == "SecureString", "{name} is a {}", settings.r#type);
        let Read { value, version } = read(name)?;
        Ok(Self { name: name.to_owned(), settings, version, value })
    }

    /// The list of an earlier version.
    pub(super) fn value_of(&self, version: u64) -> anyhow::Result<SecretString> {
        Ok(read(&format!("{}:{version}", self.name))?.value)
    }

    /// When this version was written.
    pub(super) fn written_at(&self) -> anyhow::Result<SystemTime> {
        time(&self.settings.last_modified_date).context("SSM does not say when the list changed")
    }

    /// Writes the next version. The error says that nothing of this change is in force.
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
            "others write {name} at the same time, and this command has written versions {written} and {restored} of it. \
             Compare them with versions {other} and {} before anybody deploys: docs/runbook.md, \"A wrong key in SSM\"",
            restored - 1
        );
        bail!(
            "somebody else wrote version {other} of {name} meanwhile. That list is in force again, and this change is not. \
             Run the command again"
        )
    }

    /// Overwrites the value, and nothing else. The value is in no argument.
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

/// A time as the AWS CLI writes it: version 1 in seconds since 1970, version 2 as ISO 8601 in UTC.
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
    fn times_of_either_cli_are_read() {
        let expected = UNIX_EPOCH + Duration::from_millis(1_764_237_600_250);
        for text in [json!(1_764_237_600.25), json!("2025-11-27T10:00:00.250000+00:00")] {
            assert_eq!(time(&text), Some(expected), "{text}");
        }
        assert_eq!(time(&json!("yesterday")), None);
        assert_eq!(time(&json!(-1)), None);
    }
}
