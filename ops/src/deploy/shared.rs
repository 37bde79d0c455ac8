//! What the environments of an account share: the values of terraform/bootstrap, in terraform/environments/shared.tfvars.json,
//! and the bucket with the states.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};

use super::environment::Environment;
use super::values::{Domain, Values};
use crate::aws;

/// The name of the file. No environment can have it.
const SHARED: &str = "shared";

/// The values of terraform/bootstrap.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) values: Values,
    /// The name of the stack, which is in the bucket's name.
    pub(super) name: String,
    root: PathBuf,
}

impl Shared {
    /// Reads the values; none before the first bootstrap. `root` is that of terraform/.
    pub(super) fn read(root: &Path) -> anyhow::Result<Self> {
        let path = Values::path(root, SHARED);
        let values = Values::read(&path)?.unwrap_or_else(|| Values::new(path));
        let name = match values.text("name") {
            Some(name) => name.to_owned(),
            None => default_name(&fs::read_to_string(root.join("bootstrap/variables.tf"))?)?,
        };
        Ok(Self { values, name, root: root.to_owned() })
    }

    /// The environments that were registered.
    pub(super) fn environments(&self) -> Vec<String> {
        let names = self.values.get("environments").as_array().into_iter().flatten();
        names.filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// Adds an environment; whether it is new.
    pub(super) fn register(&mut self, environment: &Environment) -> bool {
        let mut names = self.environments();
        if names.iter().any(|name| name == environment.as_str()) {
            return false;
        }
        names.push(environment.to_string());
        self.values.set("environments", json!(names));
        true
    }

    /// Refuses a domain name that is taken already, or in a zone whose records the roles of the workflows may not change.
    pub(super) fn admit(&self, domain: &Domain) -> anyhow::Result<()> {
        let Domain::Name { name, zone } = domain else { return Ok(()) };
        if let Some(own) = self.values.text("zone_id") {
            ensure!(
                own == zone,
                "{name} is in the hosted zone {zone}, and all environments share {own} (zone_id of terraform/bootstrap)"
            );
        }
        for environment in self.environments() {
            let Some(values) = Values::read(&Values::path(&self.root, &environment))? else {
                continue;
            };
            for (folder, service) in values.get("services").as_object().into_iter().flatten() {
                ensure!(
                    service["domain_name"] != **name,
                    "{name} is the name of {folder} in {environment}"
                );
            }
        }
        Ok(())
    }

    /// The bucket of the states in an account, as terraform/bootstrap names it.
    pub(super) fn bucket(&self, account: &str) -> anyhow::Result<String> {
        let region = self.values.text("region").context("the shared values name no region")?;
        Ok(format!("{}-state-{account}-{region}", self.name))
    }

    /// The backend's configuration of terraform/bootstrap itself, once its bucket and its key are there.
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

/// The state of terraform/bootstrap in the bucket.
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
    fn the_name_of_the_stack_is_that_of_terraform() {
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
    fn an_environment_is_registered_once() {
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
    fn a_domain_name_is_in_one_service_and_in_the_zone_of_all() {
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
