//! The values of an environment, in a file that Terraform reads directly: terraform/environments/NAME.tfvars.json.
//!
//! `ops deploy bootstrap` writes the file once, with the answers to its questions. A person can add any other variable of
//! terraform/. The file holds no secret. Commit it, because the workflows read it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use serde_json::{Map, Value, json};

use super::environment::Environment;
use crate::release::Platform;

/// A file of values.
#[derive(Debug)]
pub(super) struct Values {
    pub(super) path: PathBuf,
    members: Map<String, Value>,
}

/// Where callers reach a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Domain {
    /// A name in a hosted zone of the account.
    Name { name: String, zone: String },
    /// The load balancer's own name, over HTTP, for a trial.
    None,
}

impl Values {
    /// The path of an environment's values.
    pub(super) fn path(root: &Path, name: &str) -> PathBuf {
        root.join("environments").join(name).with_extension("tfvars.json")
    }

    /// Reads a file; `None` when it does not exist.
    pub(super) fn read(path: &Path) -> anyhow::Result<Option<Self>> {
        if !path.exists() {
            return Ok(None);
        }
        let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let members = serde_json::from_str(&text)
            .with_context(|| format!("{} must be a JSON object", path.display()))?;
        Ok(Some(Self { path: path.to_owned(), members }))
    }

    /// The values of an environment. The file must exist.
    pub(super) fn of(root: &Path, environment: &Environment) -> anyhow::Result<Self> {
        let path = Self::path(root, environment.as_str());
        let values = Self::read(&path)?.with_context(|| {
            format!(
                "{} does not exist: run `make aws-bootstrap ENVIRONMENT={environment}` first",
                path.display()
            )
        })?;
        let found = values.text("environment").unwrap_or_default();
        ensure!(
            found == environment.as_str(),
            "{}: environment is {found:?}, expected {:?} as in the file's name",
            path.display(),
            environment.as_str()
        );
        Ok(values)
    }

    /// The empty values of a new environment.
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, members: Map::new() }
    }

    /// A text at the top level.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.members.get(name)?.as_str()
    }

    /// Any value at the top level; `null` when it is missing.
    pub(super) fn get(&self, name: &str) -> &Value {
        self.members.get(name).unwrap_or(&Value::Null)
    }

    /// Whether the file has this member, also when it is `null`.
    pub(super) fn has(&self, name: &str) -> bool {
        self.members.contains_key(name)
    }

    /// Replaces the values with those of another file.
    pub(super) fn copy(&mut self, other: &Self) {
        self.members.clone_from(&other.members);
    }

    /// Sets a value at the top level.
    pub(super) fn set(&mut self, name: &str, value: Value) {
        self.members.insert(name.to_owned(), value);
    }

    /// Whether the service has settings.
    pub(super) fn has_service(&self, folder: &str) -> bool {
        self.get("services")[folder].is_object()
    }

    /// Adds a service. Without a domain name it is a trial: one task, plain HTTP.
    pub(super) fn add_service(&mut self, folder: &str, domain: &Domain) {
        let services = self.members.entry("services").or_insert_with(|| json!({}));
        services[folder] = match domain {
            Domain::Name { name, zone } => json!({ "domain_name": name, "zone_id": zone }),
            Domain::None => {
                json!({ "insecure_http": true, "scaling": { "min": 1, "max": 2, "requests_per_target": 6000 } })
            }
        };
    }

    /// Sets the low-cost values of a trial, as in terraform/trial.tfvars.example.
    pub(super) fn make_trial(&mut self) {
        self.set("network", json!("default-vpc"));
        self.set("deletion_protection", json!(false));
        self.set("log_retention_days", json!(7));
    }

    /// The architecture of the service's tasks. Its images must have the same one.
    pub(super) fn platform(&self, folder: &str) -> anyhow::Result<Platform> {
        match self.get("services")[folder]["cpu_architecture"].as_str() {
            // The module's default.
            None | Some("X86_64") => Ok(Platform::Amd64),
            Some("ARM64") => Ok(Platform::Arm64),
            Some(other) => anyhow::bail!(
                "{}: cpu_architecture of {folder} is {other}, expected X86_64 or ARM64",
                self.path.display()
            ),
        }
    }

    /// Replaces the file atomically.
    pub(super) fn write(&self) -> anyhow::Result<()> {
        let folder = self.path.parent().context("a folder")?;
        fs::create_dir_all(folder)?;
        let part = self.path.with_extension("part");
        let text = serde_json::to_string_pretty(&self.members)? + "\n";
        fs::write(&part, text)?;
        fs::rename(&part, &self.path).with_context(|| self.path.display().to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adding_a_service_keeps_other_values() {
        let folder = tempfile::tempdir().unwrap();
        let environment: Environment = "staging".parse().unwrap();
        let path = Values::path(folder.path(), "staging");
        assert!(path.ends_with("environments/staging.tfvars.json"));
        assert!(Values::read(&path).unwrap().is_none());
        let missing = Values::of(folder.path(), &environment).unwrap_err().to_string();
        assert!(missing.contains("make aws-bootstrap ENVIRONMENT=staging"), "{missing}");
        let mut values = Values::new(path.clone());
        values.set("environment", json!("staging"));
        values.set("vpc_cidr", json!("10.1.0.0/16"));
        values.write().unwrap();
        let mut values = Values::of(folder.path(), &environment).unwrap();
        assert!(!values.has_service("sum"));
        let name = Domain::Name { name: "a.example.com".to_owned(), zone: "Z1".to_owned() };
        values.add_service("sum", &name);
        values.add_service("orders", &Domain::None);
        values.write().unwrap();
        let values = Values::of(folder.path(), &environment).unwrap();
        assert_eq!(values.text("vpc_cidr"), Some("10.1.0.0/16"));
        assert_eq!(values.get("services")["sum"]["zone_id"], "Z1");
        assert_eq!(values.get("services")["orders"]["insecure_http"], true);
        // A copied file with the wrong environment would change the original environment.
        fs::rename(&path, Values::path(folder.path(), "production")).unwrap();
        let other = Values::of(folder.path(), &"production".parse().unwrap());
        assert!(other.unwrap_err().to_string().contains("expected \"production\""));
    }

    #[test]
    fn platform_matches_the_cpu_architecture() {
        let mut values = Values::new(PathBuf::from("x"));
        assert_eq!(values.platform("sum").unwrap(), Platform::Amd64);
        for (architecture, platform) in [("ARM64", Platform::Arm64), ("X86_64", Platform::Amd64)] {
            values.set("services", json!({ "sum": { "cpu_architecture": architecture } }));
            assert_eq!(values.platform("sum").unwrap(), platform);
        }
        values.set("services", json!({ "sum": { "cpu_architecture": "RISCV" } }));
        values.platform("sum").unwrap_err();
    }

    #[test]
    fn trial_values_match_the_example_file() {
        let example = fs::read_to_string("../terraform/trial.tfvars.example").unwrap();
        let mut values = Values::new(PathBuf::from("x"));
        values.make_trial();
        values.add_service("sum", &Domain::None);
        // The example has the same values in HCL.
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let example = words(&example);
        for (name, value) in &values.members {
            let line = match name.as_str() {
                "services" => {
                    "scaling = { min = 1, max = 2, requests_per_target = 6000 }".to_owned()
                }
                _ => format!("{name} = {value}"),
            };
            assert!(example.contains(&line), "{line}");
        }
        assert!(example.contains("insecure_http = true"));
    }
}
