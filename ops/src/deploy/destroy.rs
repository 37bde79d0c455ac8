//! Destroys an environment, and terraform/bootstrap on request.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};

use super::account;
use super::ask::Asker;
use super::bucket;
use super::service::ended;
use super::shared::Shared;
use super::stack::{Stack, Target};
use super::terraform::Terraform;
use super::values::Values;
use crate::aws;

/// Removes the protection of the bucket with the states.
const UNPROTECTED: &str =
    "resource \"aws_s3_bucket\" \"state\" {\n  lifecycle {\n    prevent_destroy = false\n  }\n}\n";

/// Arguments of the command.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    target: Target,
    /// The name of the environment confirms the command
    #[arg(long, env = "CONFIRM", default_value = "")]
    confirm: String,
    /// Also destroy terraform/bootstrap: the roles, the images and the states. Every environment must be destroyed
    #[arg(long, env = "BOOTSTRAP", default_value = "false", num_args = 0..=1, default_missing_value = "true", action = clap::ArgAction::Set)]
    bootstrap: bool,
}

impl Args {
    /// `Ok(false)`: nobody confirms.
    pub(super) fn run(&self) -> anyhow::Result<bool> {
        let started = Instant::now();
        let mut asker = Asker::default();
        let environment = &self.target.environment;
        let text = format!("This destroys {environment}: its services, logs and alarms.");
        if !asker.confirms(&text, environment.as_str(), &self.confirm)? {
            println!("nothing was destroyed");
            ended(started, &asker);
            return Ok(false);
        }
        if self.target.backend_file().exists() || !self.bootstrap {
            destroy(&mut self.target.open()?)?;
        }
        if self.bootstrap {
            destroy_bootstrap(&self.target.root)?;
        }
        ended(started, &asker);
        Ok(true)
    }
}

fn destroy(stack: &mut Stack) -> anyhow::Result<()> {
    let terraform = &stack.terraform;
    if terraform.resources()? == 0 {
        println!("nothing is deployed in {}", stack.target.environment);
        return Ok(());
    }
    let protected: Vec<String> =
        terraform.addresses()?.into_iter().filter(|a| is_protected(a)).collect();
    stack.use_no_images()?;
    let terraform = &mut stack.terraform;
    terraform.set("deletion_protection", "false");
    if !protected.is_empty() {
        // First turn off only the protection: AWS then allows the deletion of the load balancers and of the log bucket
        // with its content.
        let targets: Vec<String> =
            protected.iter().map(|address| format!("-target={address}")).collect();
        let targets: Vec<&str> = targets.iter().map(String::as_str).collect();
        let plan = terraform.plan("unprotect", &targets)?;
        terraform.apply(&plan)?;
    }
    let plan = terraform.plan("destroy", &["-destroy"])?;
    terraform.apply(&plan)?;
    let left = terraform.resources()?;
    ensure!(left == 0, "{left} resources are left in the state: run this command again");
    println!(
        "{} is destroyed. AWS deletes its KMS key in 30 days. Its values stay in terraform/environments/",
        stack.target.environment
    );
    Ok(())
}

/// Whether `deletion_protection` protects this resource.
fn is_protected(address: &str) -> bool {
    address == "aws_s3_bucket.logs"
        || (address.starts_with("module.") && address.ends_with("].aws_lb.this"))
}

fn destroy_bootstrap(root: &Path) -> anyhow::Result<()> {
    let mut shared = Shared::read(root)?;
    let region = shared
        .values
        .text("region")
        .context("the shared values have no region: bootstrap was not run from this folder")?;
    aws::use_region(region);
    let identity = account::identity()?;
    let bucket = shared.bucket(&identity.account)?;
    let folder = root.join("bootstrap");
    let mut terraform = Terraform::new(&folder, "shared")?;
    if bucket::exists(&bucket)? {
        for name in shared.environments() {
            let key = format!("{}/{name}/terraform.tfstate", shared.name);
            let left = resources_in(&bucket, &key, &terraform.scratch)?;
            ensure!(
                left == 0,
                "{name} has {left} resources: destroy it first (make aws-destroy ENVIRONMENT={name})"
            );
        }
        terraform.init(&shared.backend(&identity.account)?)?;
    }
    // This destroys the bucket, so the state moves to this machine first. An interrupted run has moved it already.
    let [local, unprotected] =
        ["backend_override.tf", "destroy_override.tf"].map(|name| folder.join(name));
    if !local.exists() {
        fs::write(&local, "terraform {\n  backend \"local\" {}\n}\n")?;
        terraform.move_state(&[])?;
    }
    fs::write(&unprotected, UNPROTECTED)?;
    shared.values.set("deletion_protection", json!(false));
    let file: PathBuf = terraform.scratch.join("destroy.tfvars.json");
    let mut values = Values::new(file.clone());
    values.copy(&shared.values);
    values.write()?;
    terraform.read_variables(&file)?;
    // Without this apply, AWS refuses to delete a repository that has images.
    let plan = terraform.plan("unprotect", &["-target=aws_ecr_repository.this"])?;
    terraform.apply(&plan)?;
    if bucket::exists(&bucket)? {
        bucket::empty(&bucket)?;
    }
    let plan = terraform.plan("destroy", &["-destroy"])?;
    terraform.apply(&plan)?;
    for file in [
        local,
        unprotected,
        folder.join("terraform.tfstate"),
        folder.join("terraform.tfstate.backup"),
    ] {
        if file.exists() {
            fs::remove_file(file)?;
        }
    }
    println!("bootstrap is destroyed. AWS deletes its KMS key in 30 days");
    Ok(())
}

/// The number of resources in a state in the bucket.
fn resources_in(bucket: &str, key: &str, scratch: &Path) -> anyhow::Result<usize> {
    if !bucket::has(bucket, key)? {
        return Ok(0);
    }
    let file = scratch.join("state.json");
    let path = file.to_string_lossy();
    aws::call::<Value>(&["s3api", "get-object", "--bucket", bucket, "--key", key, &path])?;
    let state: Value = serde_json::from_slice(&fs::read(&file)?)?;
    fs::remove_file(&file)?;
    match state["resources"].as_array() {
        Some(resources) => Ok(resources.len()),
        None => bail!("{key} is not a Terraform state"),
    }
}

#[cfg(test)]
mod tests {
    use super::is_protected;

    #[test]
    fn is_protected_matches_the_terraform_files() {
        assert!(is_protected("aws_s3_bucket.logs") && is_protected("module.sum[0].aws_lb.this"));
        assert!(
            !is_protected("module.sum[0].aws_lb_listener.this")
                && !is_protected("aws_s3_bucket.other")
        );
        // Add every new use of the variable to `is_protected`.
        let mut uses = Vec::new();
        for folder in ["../terraform", "../terraform/service"] {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.extension().is_some_and(|extension| extension == "tf") {
                    let text = std::fs::read_to_string(&path).unwrap();
                    let found = text.lines().filter(|line| {
                        line.contains("deletion_protection") && !line.contains("variable")
                    });
                    uses.extend(
                        found.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")),
                    );
                }
            }
        }
        uses.retain(|line| !line.contains("optional") && *line != "deletion_protection = bool");
        uses.sort();
        assert_eq!(
            uses,
            [
                "deletion_protection = var.deletion_protection",
                "enable_deletion_protection = var.environment.deletion_protection",
                "force_destroy = !var.deletion_protection",
            ]
        );
    }
}
