//! Asks a person for the values of an environment and for the shared values.
//!
//! It asks only for values that are neither an argument nor in the files.

use std::path::Path;

use anyhow::Context as _;
use serde_json::json;

use super::Refused;
use super::account;
use super::ask::{Asker, NONE, Question};
use super::environment::{DEFAULT, Environment};
use super::shared::Shared;
use super::stack::Target;
use super::values::{Domain, Values};
use crate::aws;

/// The values that a person chooses.
#[derive(Debug, clap::Args)]
pub(super) struct Given {
    /// Folder of the first service in services/
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
    /// Email address for the alarms, or `none`
    #[arg(long, env = "ALARM_EMAIL", default_value = "")]
    alarm_email: String,
    /// URL of the runbook, or `none` for the file in the repository
    #[arg(long, env = "RUNBOOK_URL", default_value = "")]
    runbook_url: String,
    /// `yes` applies a change of terraform/bootstrap that destroys resources
    #[arg(long, env = "CONFIRM", default_value = "")]
    pub(super) confirm: String,
}

impl Given {
    /// Asks for the missing values, and writes the files.
    pub(super) fn ask(
        &self,
        root: &Path,
        shared: &mut Shared,
        asker: &mut Asker,
    ) -> anyhow::Result<Target> {
        let given = self;
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
        let target = Target { service: given.service.clone(), environment, root: root.to_owned() };
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
        agrees("REGION", &given.region, &shared.values, region.as_deref())?;
        let known = shared.values.text("repository").unwrap_or(NONE);
        let is_new = !given.repository.is_empty() && given.repository != known;
        if is_new || !shared.values.has("repository") {
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
        let path = Values::path(root, target.environment.as_str());
        let values = match Values::read(&path)? {
            Some(values) => {
                self.agree(&target.service, &values)?;
                values
            }
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

    /// Refuses an argument that differs from the value in the file, because the file is not changed.
    fn agree(&self, service: &str, values: &Values) -> anyhow::Result<()> {
        if values.has_service(service) {
            let held = values.get("services")[service]["domain_name"].as_str();
            agrees("DOMAIN_NAME", &self.domain, values, held)?;
        }
        let held = values.get("alarm_emails")["page"][0].as_str();
        agrees("ALARM_EMAIL", &self.alarm_email, values, held)?;
        agrees("RUNBOOK_URL", &self.runbook_url, values, values.text("runbook_url"))
    }

    fn ask_environment(
        &self,
        shared: &Shared,
        target: &Target,
        asker: &mut Asker,
        mut values: Values,
    ) -> anyhow::Result<Values> {
        let given = self;
        values.set("environment", json!(target.environment.as_str()));
        values.set("region", json!(shared.values.text("region")));
        if let Some(domain) = ask_domain(target, shared, &given.domain, asker)? {
            if domain == Domain::None {
                values.make_trial();
            }
            values.add_service(&target.service, &domain);
        }
        let question = Question {
            variable: "ALARM_EMAIL",
            text: "Email address for the alarms, or none",
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
            text: "URL of the runbook, or none for docs/runbook.md",
            suggested,
            optional: true,
        };
        if let Some(Some(page)) = asker.value(question, &given.runbook_url, account::runbook)? {
            values.set("runbook_url", json!(page));
        }
        Ok(values)
    }
}

fn agrees(variable: &str, given: &str, values: &Values, held: Option<&str>) -> anyhow::Result<()> {
    let held = held.unwrap_or(NONE);
    if given.is_empty() || given == held {
        return Ok(());
    }
    let file = values.path.display();
    Err(Refused(format!(
        "{variable} is {given}, but {file} has {held}: change the value in the file"
    ))
    .into())
}

/// Asks for the domain name of a service in an environment.
pub(super) fn ask_domain(
    target: &Target,
    shared: &Shared,
    given: &str,
    asker: &mut Asker,
) -> anyhow::Result<Option<Domain>> {
    let text = format!("Domain name of {}, or none for a trial", target.service);
    let question =
        Question { variable: "DOMAIN_NAME", text: &text, suggested: None, optional: false };
    asker.value(question, given, |text| {
        let domain = account::domain(text)?;
        shared.admit(&domain)?;
        Ok(domain)
    })
}
