//! One environment of the stack, with Terraform initialised for it.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::Refused;
use super::environment::Environment;
use super::terraform::Terraform;
use super::values::Values;
use crate::aws;
use crate::release::ecs::Service;
use crate::release::process::{command, output};
use crate::variable::given;

/// A service in an environment.
#[derive(Debug, Clone, clap::Args)]
pub struct Target {
    /// Folder of the service below services/
    #[arg(long, env = "SERVICE", default_value = "", global = true)]
    pub service: String,
    /// Environment of the stack, such as production or staging
    #[arg(long, env = "ENVIRONMENT", default_value = "", global = true)]
    pub environment: Environment,
    /// Root module of Terraform; the tests pass a copy
    #[arg(long, env = "DEPLOY_ROOT", default_value = "terraform", global = true)]
    pub(super) root: PathBuf,
}

/// The stack of a target.
#[derive(Debug)]
pub(super) struct Stack {
    pub(super) target: Target,
    pub(super) terraform: Terraform,
}

impl Target {
    /// Refuses a service without a folder.
    pub(super) fn check_service(&self) -> anyhow::Result<()> {
        let path = PathBuf::from("services").join(&self.service).join("openapi.json");
        if self.service.is_empty() || !path.is_file() {
            let text = format!(
                "SERVICE is '{}': expected the name of a folder in services/ that has an openapi.json",
                self.service
            );
            return Err(Refused(text).into());
        }
        Ok(())
    }

    /// The same service in another environment.
    pub(super) fn at(&self, environment: &Environment) -> Self {
        Self { environment: environment.clone(), ..self.clone() }
    }

    /// Initialises Terraform.
    ///
    /// In a workflow the variable `TF_BACKEND` holds the backend: the environment's entry in the output `backend` of
    /// terraform/bootstrap. A laptop has the file that `bootstrap` wrote. `TF_VARS` holds the variables of an
    /// organization that keeps them outside of the repository.
    pub(super) fn open(&self) -> anyhow::Result<Stack> {
        let mut terraform = Terraform::new(&self.root, self.environment.as_str())?;
        if let Some(text) = given("TF_VARS") {
            // Terraform reads a file as JSON only if its name ends in .json.
            let is_json = text.trim_start().starts_with('{');
            let name = if is_json { "stack.tfvars.json" } else { "stack.tfvars" };
            let file = terraform.scratch.join(name);
            fs::write(&file, text)?;
            terraform.read_variables(&file)?;
        } else {
            let values = Values::of(&self.root, &self.environment)?;
            aws::use_region(
                values.text("region").context("the environment's values have no region")?,
            );
            terraform.read_variables(&values.path)?;
        }
        terraform.init(&self.backend()?)?;
        Ok(Stack { target: self.clone(), terraform })
    }

    /// The outputs of the state: an object, each member with its `value`; empty before the first deployment.
    ///
    /// # Errors
    ///
    /// When the environment is not registered, or its state cannot be read.
    pub fn outputs(&self) -> anyhow::Result<Value> {
        self.open()?.terraform.outputs()
    }

    /// The file with the backend's configuration. It contains the account's id, so it is not in the repository.
    pub(super) fn backend_file(&self) -> PathBuf {
        let name = format!("{}.backend.hcl", self.environment);
        self.root.join("environments").join(name)
    }

    fn backend(&self) -> anyhow::Result<String> {
        if let Some(text) = given("TF_BACKEND") {
            return Ok(text);
        }
        let file = self.backend_file();
        fs::read_to_string(&file).with_context(|| {
            format!(
                "{} does not exist: run `make aws-bootstrap ENVIRONMENT={}` to write it",
                file.display(),
                self.environment
            )
        })
    }
}

impl Stack {
    /// The outputs of the services, by folder; `null` before the first deployment.
    fn services(&self) -> anyhow::Result<Value> {
        Ok(self.terraform.outputs()?["services"]["value"].clone())
    }

    /// The outputs of the service; `null` before its first deployment.
    pub(super) fn outputs(&self) -> anyhow::Result<Value> {
        Ok(self.services()?[&self.target.service].clone())
    }

    /// The folders of the services in the state; none before the first deployment.
    pub(super) fn deployed(&self) -> anyhow::Result<Vec<String>> {
        let services = self.services()?;
        Ok(services.as_object().into_iter().flatten().map(|(folder, _)| folder.clone()).collect())
    }

    /// A service's names in ECS, from the state; `None` before its first deployment.
    pub(super) fn ecs(&self, folder: &str) -> anyhow::Result<Option<Service>> {
        let names = &self.services()?[folder]["service"];
        let pair = names["cluster"].as_str().zip(names["service"].as_str());
        Ok(pair.map(|(cluster, service)| Service::new(cluster, service)))
    }

    /// The public URL of the service.
    pub(super) fn url(&self) -> anyhow::Result<String> {
        let outputs = self.outputs()?;
        let url =
            outputs["url"].as_str().context("the Terraform state has no URL of the service")?;
        Ok(url.to_owned())
    }
}

/// The commit to deploy.
pub(super) fn commit() -> anyhow::Result<String> {
    match given("GITHUB_SHA") {
        Some(commit) => Ok(commit),
        None => output(&mut command("git rev-parse HEAD", [])),
    }
}

/// Refuses uncommitted changes, because the images are tagged with the commit. A workflow sets `GITHUB_SHA` and builds
/// a clean checkout, so the check is skipped there.
pub(super) fn ensure_committed() -> anyhow::Result<()> {
    if given("GITHUB_SHA").is_some() {
        return Ok(());
    }
    // The files that .dockerignore lets into a build.
    let paths = ["Cargo.toml", "Cargo.lock", "chassis", "contract/parcels", "services"];
    let mut git: Command = command("git status --porcelain --", paths);
    let changed = output(&mut git)?;
    ensure!(
        changed.is_empty(),
        "the images are tagged with the commit, and these files differ from it. Commit them first:\n{changed}"
    );
    Ok(())
}
