//! What an account needs once, and an environment of it: terraform/bootstrap, and the values of the environment.
//!
//! In an empty account the bucket of the states does not exist yet. So the state of terraform/bootstrap begins on this machine,
//! and moves into the bucket as soon as that is there. A run that was interrupted continues where it stopped.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, ensure};
use serde_json::json;

use super::account::{self, Identity};
use super::ask::{Asker, NONE, Question};
use super::bucket;
use super::environment::{DEFAULT, Environment};
use super::fingerprint;
use super::service::ended;
use super::shared::{STATE, Shared};
use super::stack::Target;
use super::terraform::Terraform;
use super::values::{Domain, Values};
use crate::aws;
use crate::plan::{Action, Plan};

/// While this file is there, the state lies on this machine.
const LOCAL: &str = "backend_override.tf";
const GITHUB: &str = "token.actions.githubusercontent.com";
const PROVIDER: &str = "aws_iam_openid_connect_provider.github";

/// Arguments of the command. Each value is asked for when neither an argument nor the files have it.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    values: Given,
    /// Root module of Terraform; the tests name a copy
    #[arg(long, env = "DEPLOY_ROOT", default_value = "terraform")]
    root: PathBuf,
}

/// The values that a person decides.
#[derive(Debug, clap::Args)]
struct Given {
    /// Folder of the first service below services/
    #[arg(long, env = "SERVICE", default_value = "")]
    service: String,
    /// Environment, such as production or staging
    #[arg(long, env = "ENVIRONMENT", default_value = "")]
    environment: String,
    /// AWS region
    #[arg(long, env = "REGION", default_value = "")]
    region: String,
    /// Repository on GitHub, as OWNER/NAME, or `none`
    #[arg(long, env = "REPOSITORY", default_value = "")]
    repository: String,
    /// Domain name of the service, or `none` for a trial
    #[arg(long, env = "DOMAIN_NAME", default_value = "")]
    domain: String,
    /// Address that the alarms write to, or `none`
    #[arg(long, env = "ALARM_EMAIL", default_value = "")]
    alarm_email: String,
    /// Page with the runbook, or `none` for the file in the repository
    #[arg(long, env = "RUNBOOK_URL", default_value = "")]
    runbook_url: String,
    /// `yes` accepts a change of an existing bootstrap that destroys something
    #[arg(long, env = "CONFIRM", default_value = "")]
    confirm: String,
}

impl Args {
    pub(super) fn run(&self) -> anyhow::Result<bool> {
        let started = Instant::now();
        let mut asker = Asker::default();
        let identity = account::identity()?;
        println!("account {} as {}", identity.account, identity.arn);
        let mut shared = Shared::read(&self.root)?;
        let target = self.ask(&mut shared, &mut asker)?;
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
            println!("this destroys:\n  {}", lost.join("\n  "));
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
        self.finish(&terraform, &target)?;
        ended(started, &asker);
        Ok(true)
    }

    /// Asks for what the files lack, and writes them.
    fn ask(&self, shared: &mut Shared, asker: &mut Asker) -> anyhow::Result<Target> {
        let given = &self.values;
        let mut question = Question {
            variable: "ENVIRONMENT",
            text: "Environment",
            suggested: Some(DEFAULT),
            optional: true,
        };
        let known = shared.environments();
        let environment: Environment = match known.first() {
            Some(first) if given.environment.is_empty() => {
                known.iter().find(|name| *name == DEFAULT).unwrap_or(first).parse()?
            }
            _ => asker
                .value(question, &given.environment, str::parse)?
                .context("it has a default")?,
        };
        let target =
            Target { service: given.service.clone(), environment, root: self.root.clone() };
        target.check_service()?;
        if shared.values.text("region").is_none() {
            let suggested = aws::configured_region();
            question = Question {
                variable: "REGION",
                text: "AWS region, such as us-east-1",
                suggested: suggested.as_deref(),
                optional: false,
            };
            if let Some(region) = asker.value(question, &given.region, account::region)? {
                shared.values.set("region", json!(region));
            }
        }
        let region = shared.values.text("region").map(str::to_owned);
        if let Some(region) = &region {
            aws::use_region(region);
        }
        if !shared.values.has("repository") {
            question = Question {
                variable: "REPOSITORY",
                text: "GitHub repository, as OWNER/NAME, or none",
                suggested: Some(NONE),
                optional: true,
            };
            if let Some(found) = asker.value(question, &given.repository, account::repository)? {
                let of = |text: fn(&account::Repository) -> &String| found.as_ref().map(text);
                shared.values.set("repository", json!(of(|found| &found.name)));
                shared.values.set("repository_id", json!(of(|found| &found.id)));
                shared.values.set("repository_owner_id", json!(of(|found| &found.owner_id)));
            }
        }
        let path = Values::path(&self.root, target.environment.as_str());
        let values = match Values::read(&path)? {
            Some(values) => values,
            None => self.ask_environment(shared, &target, asker, Values::new(path))?,
        };
        asker.finish()?;
        if shared.values.get("zone_id").is_null() {
            let zone = values.get("services")[&target.service]["zone_id"].clone();
            shared.values.set("zone_id", zone);
        }
        shared.register(&target.environment);
        values.write()?;
        shared.values.write()?;
        Ok(target)
    }

    fn ask_environment(
        &self,
        shared: &Shared,
        target: &Target,
        asker: &mut Asker,
        mut values: Values,
    ) -> anyhow::Result<Values> {
        let given = &self.values;
        values.set("environment", json!(target.environment.as_str()));
        values.set("region", json!(shared.values.text("region")));
        if let Some(domain) = ask_domain(target, &given.domain, asker)? {
            if domain == Domain::None {
                values.make_trial();
            }
            values.add_service(&target.service, &domain);
        }
        let question = Question {
            variable: "ALARM_EMAIL",
            text: "Address that the alarms write to, or none",
            suggested: None,
            optional: false,
        };
        if let Some(emails) = asker.value(question, &given.alarm_email, account::emails)? {
            values.set("alarm_emails", json!({ "page": emails, "notify": emails }));
        }
        let repository = shared.values.text("repository");
        let page =
            repository.map(|name| format!("https://github.com/{name}/blob/main/docs/runbook.md"));
        let suggested = page.as_deref().or(Some(NONE));
        let question = Question {
            variable: "RUNBOOK_URL",
            text: "Page with the runbook, or none for docs/runbook.md",
            suggested,
            optional: true,
        };
        if let Some(Some(page)) = asker.value(question, &given.runbook_url, account::runbook)? {
            values.set("runbook_url", json!(page));
        }
        Ok(values)
    }

    /// Writes the backend of each environment, and says what comes next.
    fn finish(&self, terraform: &Terraform, target: &Target) -> anyhow::Result<()> {
        let outputs = terraform.outputs()?;
        let backends = outputs["backend"]["value"].as_object().context("no output backend")?;
        for (name, text) in backends {
            let file = target.at(&name.parse()?).backend_file();
            fs::write(&file, text.as_str().context("the output backend")?)?;
        }
        println!(
            "state bucket: {}",
            backends
                .values()
                .next()
                .and_then(|b| b.as_str()?.split('"').nth(1))
                .unwrap_or_default()
        );
        println!(
            "policy for the people on call: {}",
            outputs["on_call_policy"]["value"].as_str().unwrap_or_default()
        );
        println!(
            "next: commit terraform/environments/*.json, then `make aws-deploy ENVIRONMENT={}`",
            target.environment
        );
        Ok(())
    }
}

/// The domain of a service in an environment.
pub(super) fn ask_domain(
    target: &Target,
    given: &str,
    asker: &mut Asker,
) -> anyhow::Result<Option<Domain>> {
    let text = format!("Domain name of {}, or none for a trial", target.service);
    let question =
        Question { variable: "DOMAIN_NAME", text: &text, suggested: None, optional: false };
    asker.value(question, given, account::domain)
}

/// Initialises the root; whether its state is on this machine.
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
            "the bucket {bucket} is there, but holds no state of bootstrap: run this on the machine that has terraform/bootstrap/terraform.tfstate"
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
        "the bucket holds {after} resources, and the local state {before}: the local state stays"
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

/// An account has one identity provider for GitHub. When it is there already, Terraform takes it over.
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
        println!("the account's identity provider for GitHub is managed from now on");
    }
    Ok(())
}
