//! The outputs of terraform/bootstrap: the roles of the GitHub environments, and the backends of the states.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context as _, ensure};
use serde::Deserialize;
use serde_json::Value;

use super::settings::Scope;
use crate::deploy;

/// The outputs that the setup needs.
#[derive(Debug)]
pub(super) struct Bootstrap {
    /// OWNER/NAME of the repository that the roles trust.
    pub(super) repository: String,
    /// The branch that the roles trust.
    pub(super) branch: String,
    /// Sorted by name.
    pub(super) environments: Vec<Environment>,
    /// All environments of the stack, chosen or not, as a JSON list.
    pub(super) stacks: String,
    region: String,
    /// Host of the image repositories.
    registry: String,
}

/// A GitHub environment.
#[derive(Debug)]
pub(super) struct Environment {
    pub(super) name: String,
    pub(super) scope: Scope,
    /// The environment of the stack. `None` if the role is for all of them.
    pub(super) stack: Option<String>,
    role: String,
    /// Backend configuration of `stack`.
    backend: Option<String>,
}

/// The output `github`.
#[derive(Debug, Deserialize)]
struct Github {
    repository: Option<String>,
    branch: String,
    region: String,
    environments: BTreeMap<String, Role>,
}

#[derive(Debug, Deserialize)]
struct Role {
    #[serde(rename = "role")]
    kind: String,
    arn: String,
    environment: Option<String>,
}

impl Bootstrap {
    /// Reads the outputs from the state of this Terraform folder.
    pub(super) fn read(folder: &Path) -> anyhow::Result<Self> {
        Self::from_outputs(&deploy::bootstrap_outputs(folder)?)
            .with_context(|| format!("cannot use the outputs of {}", folder.display()))
    }

    fn from_outputs(outputs: &Value) -> anyhow::Result<Self> {
        let output = |name: &str| {
            let found = outputs[name].get("value");
            found.with_context(|| {
                format!("there is no output {name}: run `make aws-bootstrap` first")
            })
        };
        let github =
            Github::deserialize(output("github")?).context("the output github is malformed")?;
        let repository = github.repository.context(
            "the outputs name no repository: run `make aws-bootstrap REPOSITORY=OWNER/NAME` to create its roles",
        )?;
        let repositories = output("repositories")?.as_object().into_iter().flatten();
        let mut urls = repositories.filter_map(|(_, containers)| containers["api"].as_str());
        let url = urls.next().context("the output repositories is empty")?;
        let backends = output("backend")?;
        let environments = github.environments.into_iter().map(|(name, found)| {
            let Role { kind, arn, environment: stack } = found;
            let scope = Scope::from_role(&kind);
            let scope = scope.with_context(|| format!("{kind} is not a role for a workflow"))?;
            let backend = stack.as_ref().map(|stack| {
                let backend = backends[stack.as_str()].as_str().map(str::to_owned);
                backend.with_context(|| format!("the output backend has no entry {stack}"))
            });
            Ok(Environment { name, scope, stack, role: arn, backend: backend.transpose()? })
        });
        let environments = environments.collect::<anyhow::Result<Vec<_>>>()?;
        ensure!(!environments.is_empty(), "the output github names no environment");
        let stacks: BTreeSet<_> = environments.iter().filter_map(|e| e.stack.as_ref()).collect();
        let stacks = serde_json::to_string(&stacks)?;
        Ok(Self {
            repository,
            stacks,
            branch: github.branch,
            region: github.region,
            environments,
            registry: url.split('/').next().unwrap_or_default().to_owned(),
        })
    }

    /// Keeps the GitHub environments of one environment of the stack, and those for all. Without `stack` it keeps
    /// everything, which is an error if `given` names values and the stack has several environments.
    pub(super) fn choose(&mut self, stack: Option<&str>, given: &[&str]) -> anyhow::Result<()> {
        let stacks: BTreeSet<_> =
            self.environments.iter().filter_map(|e| e.stack.clone()).collect();
        let names = stacks.iter().cloned().collect::<Vec<_>>().join(", ");
        let Some(stack) = stack else {
            ensure!(
                stacks.len() < 2 || given.is_empty(),
                "{} is for one environment. Name it with ENVIRONMENT: one of {names}",
                given.join(", ")
            );
            return Ok(());
        };
        ensure!(stacks.contains(stack), "unknown environment {stack}: use one of {names}");
        self.environments.retain(|e| e.stack.as_deref().is_none_or(|found| found == stack));
        Ok(())
    }

    /// The value of a variable in an environment. `None` if the outputs do not define it.
    pub(super) fn value<'a>(&'a self, environment: &'a Environment, name: &str) -> Option<&'a str> {
        match name {
            "AWS_ROLE" => Some(&environment.role),
            "AWS_REGION" => Some(&self.region),
            "REGISTRY" => Some(&self.registry),
            "TF_BACKEND" => environment.backend.as_deref(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn outputs() -> Value {
        json!({
            "backend": { "value": { "production": "x" } },
            "repositories": { "value": { "sum": { "api": "host/sum-api/api" } } },
            "github": { "value": { "repository": "o/n", "branch": "main", "region": "us-east-1",
                "environments": { "production": { "role": "apply", "arn": "a", "environment": "production" } } } },
        })
    }

    #[test]
    fn values_come_from_the_outputs() {
        let bootstrap = Bootstrap::from_outputs(&outputs()).unwrap();
        let environment = &bootstrap.environments[0];
        assert_eq!((bootstrap.environments.len(), environment.scope), (1, Scope::Apply));
        for (name, value) in [
            ("AWS_ROLE", Some("a")),
            ("AWS_REGION", Some("us-east-1")),
            ("REGISTRY", Some("host")),
            ("TF_BACKEND", Some("x")),
            ("TF_VARS", None),
        ] {
            assert_eq!(bootstrap.value(environment, name), value, "{name}");
        }
    }

    #[test]
    fn error_names_the_missing_output() {
        for (pointer, value, expected) in [
            ("/github", Value::Null, "no output github: run `make aws-bootstrap` first"),
            ("/backend", Value::Null, "no output backend"),
            ("/backend/value", json!({}), "the output backend has no entry production"),
            ("/repositories/value", json!({}), "the output repositories is empty"),
            ("/github/value/repository", Value::Null, "the outputs name no repository"),
            ("/github/value/environments", json!({}), "names no environment"),
            ("/github/value/environments/production/role", json!("admin"), "admin is not a role"),
        ] {
            let mut outputs = outputs();
            *outputs.pointer_mut(pointer).unwrap() = value;
            let error = Bootstrap::from_outputs(&outputs).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
