//! Deploys one service from a laptop: build, push, plan, review, confirm, apply, call.

use std::time::Instant;

use anyhow::Context as _;

use super::ask::Asker;
use super::contacts::Contacts;
use super::fingerprint;
use super::publish;
use super::questions::ask_domain;
use super::shared::Shared;
use super::smoke;
use super::stack::Target;
use super::values::Values;
use crate::aws;
use crate::release::images::Images;

/// Arguments of the command.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    confirmed: Confirmed,
    /// Domain name of a new service in the environment, or `none` for a trial
    #[arg(long, env = "DOMAIN_NAME", default_value = "")]
    domain: String,
}

/// A person's decisions about a plan.
#[derive(Debug, clap::Args)]
pub(super) struct Confirmed {
    /// `yes` applies the plan without asking
    #[arg(long, env = "CONFIRM", default_value = "")]
    confirm: String,
    /// Rules in rules/ that this plan may break, separated by spaces
    #[arg(long, env = "ALLOW_RULES", value_delimiter = ' ')]
    allow: Vec<String>,
    #[command(flatten)]
    contacts: Contacts,
}

impl Args {
    /// `Ok(false)`: the plan breaks a rule, nobody confirms it, or the service gives a wrong answer.
    pub(super) fn run(&self) -> anyhow::Result<bool> {
        let target = &self.target;
        target.check_service()?;
        let mut values = Values::of(&target.root, &target.environment)?;
        aws::use_region(values.text("region").context("the environment's values have no region")?);
        if !values.has_service(&target.service) {
            let mut asker = Asker::default();
            let shared = Shared::read(&target.root)?;
            let domain = ask_domain(target, &shared, &self.domain, &mut asker)?;
            asker.finish()?;
            values.add_service(&target.service, &domain.context("a domain")?);
            values.write()?;
        }
        self.confirmed.contacts.check(target, values.get("services"))?;
        let images = publish::images(target, values.platform(&target.service)?)?;
        deploy(target, images, &self.confirmed)
    }
}

/// Plans with these images, and applies exactly this plan after a person confirms it.
pub(super) fn deploy(target: &Target, images: Images, said: &Confirmed) -> anyhow::Result<bool> {
    let started = Instant::now();
    let mut asker = Asker::default();
    let mut stack = target.open()?;
    stack.use_images(Some(images))?;
    let plan = stack.terraform.plan("deploy", &[])?;
    said.contacts.check_plan(target, &plan.json)?;
    let refusal = stack.review(&plan, &said.allow)?;
    if refusal.as_ref().is_some_and(|refusal| refusal.secret) {
        println!("the plan contains a secret: nothing was applied");
        return Ok(false);
    }
    let broken = refusal.map(|refusal| refusal.rules.join(" "));
    if broken.is_none() && fingerprint::count(&plan.json)? == 0 {
        println!(
            "nothing changes: {} already runs these images with this configuration",
            target.environment
        );
    } else if confirms(&mut asker, target, broken.as_deref(), &said.confirm)? {
        stack.terraform.apply(&plan)?;
    } else {
        println!("nothing was applied");
        ended(started, &asker);
        return Ok(false);
    }
    let url = stack.url()?;
    println!("{url}");
    let good = smoke::call(target, &url)?;
    if !good {
        println!("to return to the previous images, run `make rollback`");
    }
    ended(started, &asker);
    Ok(good)
}

/// Whether a person confirms the plan. To confirm a plan that breaks rules, the person must type their names.
fn confirms(
    asker: &mut Asker,
    target: &Target,
    broken: Option<&str>,
    given: &str,
) -> anyhow::Result<bool> {
    let Target { environment, .. } = target;
    let Some(rules) = broken else {
        return asker.confirms(&format!("Apply this to {environment}?"), "yes", given);
    };
    if !given.is_empty() {
        println!("the plan breaks rules. To accept that once, set ALLOW_RULES='{rules}'");
        return Ok(false);
    }
    let text = format!("The plan breaks rules. Apply it to {environment} anyway?");
    asker.confirms(&text, rules, given)
}

/// Prints the last line of a command: its duration and the number of questions.
pub(super) fn ended(started: Instant, asker: &Asker) {
    println!("done in {} s, {} questions", started.elapsed().as_secs(), asker.asked());
}
