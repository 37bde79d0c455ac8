//! Applies terraform/bootstrap, once for each account, and writes the values of an environment.
//!
//! In an empty account the bucket for the states does not exist yet. So the state of terraform/bootstrap starts on this
//! machine and moves into the bucket after the first apply. An interrupted run continues where it stopped.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::account::{self, Identity};
use super::ask::Asker;
use super::bucket;
use super::fingerprint;
use super::questions::Given;
use super::service::ended;
use super::shared::{STATE, Shared};
use super::stack::Target;
use super::terraform::Terraform;
use super::values::Values;
use crate::aws;
use crate::plan::{Action, Plan};

/// While this file exists, the state is on this machine.
const LOCAL: &str = "backend_override.tf";
const GITHUB: &str = "token.actions.githubusercontent.com";
const PROVIDER: &str = "aws_iam_openid_connect_provider.github";

/// Arguments of the command. It asks for each value that is neither an argument nor in the files.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    values: Given,
    /// Root module of Terraform; the tests pass a copy
    #[arg(long, env = "DEPLOY_ROOT", default_value = "terraform")]
    root: PathBuf,
}

impl Args {
    pub(super) fn run(&self) -> anyhow::Result<bool> {
        let started = Instant::now();
        let mut asker = Asker::default();
        let identity = account::identity()?;
        println!("account {} as {}", identity.account, identity.arn);
        let mut shared = Shared::read(&self.root)?;
        let target = self.values.ask(&self.root, &mut shared, &mut asker)?;
        println!(
            "values: {} and {}",
            shared.values.path.display(),
            Values::path(&self.root, target.environment.as_str()).display()
        );

        let folder = self.root.join("bootstrap");
        let mut terraform = Terraform::new(&folder, "shared")?;
        terraform.read_variables(&shared.values.path)?;
        let is_local = start(&terraform, &folder, &shared, &identity)?;
        import_provider(&terraform, &shared)?;
        let plan = terraform.plan("bootstrap", &[])?;
        let loses = |action| matches!(action, Action::Destroy | Action::Replace);
        let parsed = Plan::parse(&plan.json)?;
        let lost: Vec<&str> =
            parsed.changed().filter(|r| loses(r.action())).map(|r| &*r.address).collect();
        if !lost.is_empty() {
            println!("this plan destroys:\n  {}", lost.join("\n  "));
            ensure!(
                asker.confirms("Apply this?", "yes", &self.values.confirm)?,
                "nothing was applied"
            );
        }
        if fingerprint::is_empty(&plan.json)? {
            println!("bootstrap: nothing changes");
        } else {
            terraform.apply(&plan)?;
        }
        if is_local {
            move_to_bucket(&terraform, &folder, &shared, &identity)?;
        }
        finish(&terraform, &target)?;
        ended(started, &asker);
        Ok(true)
    }
}

/// Writes the backend of each environment. Prints the outputs that people need, and the next step.
fn finish(terraform: &Terraform, target: &Target) -> anyhow::Result<()> {
    let outputs = terraform.outputs()?;
    let backends = outputs["backend"]["value"].as_object().context("no output backend")?;
    for (name, text) in backends {
        let file = target.at(&name.parse()?).backend_file();
        fs::write(&file, text.as_str().context("the output backend")?)?;
    }
    println!(
        "state bucket: {}",
        backends.values().next().and_then(|b| b.as_str()?.split('"').nth(1)).unwrap_or_default()
    );
    let output = |value: &Value| value.as_str().map(str::to_owned).context("an output with an ARN");
    println!("role of the engineer on call: {}", output(&outputs["on_call"]["value"]["role"])?);
    println!("policy for changing keys: {}", output(&outputs["keys_policy"]["value"])?);
    println!(
        "next: commit terraform/environments/*.json, then `make aws-deploy ENVIRONMENT={}`",
        target.environment
    );
    Ok(())
}

/// Initialises the root module. Returns whether its state is on this machine.
fn start(
    terraform: &Terraform,
    folder: &Path,
    shared: &Shared,
    identity: &Identity,
) -> anyhow::Result<bool> {
    let bucket = shared.bucket(&identity.account)?;
    let begun = folder.join(LOCAL).exists() || folder.join("terraform.tfstate").exists();
    if !begun && bucket::exists(&bucket)? {
        ensure!(
            bucket::has(&bucket, STATE)?,
            "the bucket {bucket} exists, but has no state of bootstrap: run this command on the machine that has terraform/bootstrap/terraform.tfstate"
        );
        terraform.init(&shared.backend(&identity.account)?)?;
        return Ok(false);
    }
    fs::write(folder.join(LOCAL), "terraform {\n  backend \"local\" {}\n}\n")?;
    terraform.init("")?;
    Ok(true)
}

fn move_to_bucket(
    terraform: &Terraform,
    folder: &Path,
    shared: &Shared,
    identity: &Identity,
) -> anyhow::Result<()> {
    let file = terraform.scratch.join("bucket.hcl");
    fs::write(&file, shared.backend(&identity.account)?)?;
    let before = terraform.resources()?;
    fs::remove_file(folder.join(LOCAL))?;
    terraform.move_state(&[&format!("-backend-config={}", file.display())])?;
    let after = terraform.resources()?;
    ensure!(
        before > 0 && before == after,
        "the state in the bucket has {after} resources, and the local state has {before}: the local state was kept"
    );
    for name in ["terraform.tfstate", "terraform.tfstate.backup"] {
        let file = folder.join(name);
        if file.exists() {
            fs::remove_file(file)?;
        }
    }
    println!("the state of bootstrap is in the bucket");
    Ok(())
}

/// An account has at most one identity provider for GitHub. If it exists already, this imports it into the state.
fn import_provider(terraform: &Terraform, shared: &Shared) -> anyhow::Result<()> {
    if shared.values.text("repository").is_none()
        || terraform.holds("aws_iam_openid_connect_provider")?
    {
        return Ok(());
    }
    let query = "OpenIDConnectProviderList[].Arn";
    let found: Vec<String> =
        aws::call(&["iam", "list-open-id-connect-providers", "--query", query])?;
    if let Some(arn) = found.iter().find(|arn| arn.ends_with(GITHUB)) {
        let address = format!("{PROVIDER}[0]");
        terraform.logged_with_variables("import", "import", &["-no-color", &address, arn])?;
        println!(
            "imported the account's identity provider for GitHub: Terraform manages it from now on"
        );
    }
    Ok(())
}
