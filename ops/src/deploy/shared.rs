//! The values that the environments of an account share, and the bucket with their states.
//!
//! The values are those of terraform/bootstrap, in terraform/environments/shared.tfvars.json.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};

use super::environment::Environment;
use super::values::{Domain, Values};
use crate::aws;

/// The name of the file. No environment can have this name.
const SHARED: &str = "shared";

/// The values of terraform/bootstrap.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) values: Values,
    /// The name of the stack. It is part of the bucket's name.
    pub(super) name: String,
    root: PathBuf,
}

impl Shared {
    /// Reads the values; none before the first bootstrap. `root` is the folder terraform/.
    pub(super) fn read(root: &Path) -> anyhow::Result<Self> {
        let path = Values::path(root, SHARED);
        let values = Values::read(&path)?.unwrap_or_else(|| Values::new(path));
        let name = match values.text("name") {
            Some(name) => name.to_owned(),
            None => default_name(&fs::read_to_string(root.join("bootstrap/variables.tf"))?)?,
        };
        Ok(Self { values, name, root: root.to_owned() })
    }

    /// The registered environments.
    pub(super) fn environments(&self) -> Vec<String> {
        let names = self.values.get("environments").as_array().into_iter().flatten();
        names.filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// Adds an environment. Returns whether it is new.
    pub(super) fn register(&mut self, environment: &Environment) -> bool {
        let mut names = self.environments();
        if names.iter().any(|name| name == environment.as_str()) {
            return false;
        }
        names.push(environment.to_string());
        self.values.set("environments", json!(names));
        true
    }

    /// Refuses a domain name that another service has. Refuses one in another zone, because the workflows' roles may
    /// change only the records of the shared zone.
    pub(super) fn admit(&self, domain: &Domain) -> anyhow::Result<()> {
        let Domain::Name { name, zone } = domain else { return Ok(()) };
        if let Some(own) = self.values.text("zone_id") {
            ensure!(
                own == zone,
                "{name} is in the hosted zone {zone}, but all environments share {own} (zone_id of terraform/bootstrap): choose a name in {own}"
            );
        }
        for environment in self.environments() {
            let Some(values) = Values::read(&Values::path(&self.root, &environment))? else {
                continue;
            };
            for (folder, service) in values.get("services").as_object().into_iter().flatten() {
                ensure!(
                    service["domain_name"] != **name,
                    "{name} is the name of {folder} in {environment} already: choose another name"
                );
            }
        }
        Ok(())
    }

    /// The bucket with the states of an account. The configuration in terraform/bootstrap gives it the same name.
    pub(super) fn bucket(&self, account: &str) -> anyhow::Result<String> {
        let region = self.values.text("region").context("the shared values have no region")?;
        Ok(format!("{}-state-{account}-{region}", self.name))
    }

    /// The configuration of terraform/bootstrap's own backend. Its bucket and its KMS key must exist.
    pub(super) fn backend(&self, account: &str) -> anyhow::Result<String> {
        let alias = format!("alias/bootstrap/{}", self.name);
        let call = ["kms", "describe-key", "--key-id", &alias, "--query", "KeyMetadata.Arn"];
        let key: String = aws::call(&call)?;
        let region = self.values.text("region").unwrap_or_default();
        let lines = [
            ("bucket", self.bucket(account)?),
            ("key", STATE.to_owned()),
            ("region", region.to_owned()),
            ("kms_key_id", key),
        ];
        Ok(lines.map(|(name, value)| format!("{name} = \"{value}\"\n")).concat())
    }
}

/// The key of terraform/bootstrap's state in the bucket.
pub(super) const STATE: &str = "bootstrap/terraform.tfstate";

/// The default of the variable `name`.
fn default_name(variables: &str) -> anyhow::Result<String> {
    let (_, block) = variables.split_once("variable \"name\" {").context("no variable name")?;
    let mut lines = block.lines().map(str::trim).take_while(|line| *line != "}");
    let line = lines.find_map(|line| line.strip_prefix("default"));
    match line.and_then(|line| line.split('"').nth(1)) {
        Some(name) if !name.is_empty() => Ok(name.to_owned()),
        _ => bail!("the variable name of terraform/bootstrap has no default"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stack_name_matches_the_terraform_default() {
        let shared = Shared::read(Path::new("../terraform")).unwrap();
        assert_eq!(shared.name, "sum-api");
        assert!(
            default_name(
                "variable \"name\" {\n  type = string\n}\nvariable \"x\" {\n default = \"y\"\n}"
            )
            .is_err()
        );
    }

    #[test]
    fn environment_is_registered_once() {
        let values = Values::new("x".into());
        let mut shared = Shared { values, name: "sum-api".to_owned(), root: "x".into() };
        shared.values.set("region", json!("us-east-1"));
        let staging: Environment = "staging".parse().unwrap();
        assert!(shared.register(&"production".parse().unwrap()) && shared.register(&staging));
        assert!(!shared.register(&staging));
        assert_eq!(shared.environments(), ["production", "staging"]);
        assert_eq!(shared.bucket("123456789012").unwrap(), "sum-api-state-123456789012-us-east-1");
    }

    #[test]
    fn domain_name_must_be_unused_and_in_the_shared_zone() {
        let root = tempfile::tempdir().unwrap();
        let mut values = Values::new(Values::path(root.path(), "production"));
        let domain = |name: &str, zone: &str| Domain::Name { name: name.into(), zone: zone.into() };
        values.add_service("sum", &domain("sum.example.com", "Z1"));
        values.write().unwrap();
        let mut values = Values::new("x".into());
        values.set("zone_id", json!("Z1"));
        let mut shared =
            Shared { values, name: "sum-api".to_owned(), root: root.path().to_owned() };
        shared.register(&"production".parse().unwrap());
        for (domain, refusal) in [
            (Domain::None, None),
            (domain("staging.example.com", "Z1"), None),
            (domain("sum.example.com", "Z1"), Some("is the name of sum in production")),
            (domain("sum.example.org", "Z2"), Some("all environments share Z1")),
        ] {
            let said = shared.admit(&domain).err().map(|error| error.to_string());
            assert_eq!(said.is_some(), refusal.is_some(), "{said:?}");
            assert!(said.unwrap_or_default().contains(refusal.unwrap_or_default()));
        }
    }
}
