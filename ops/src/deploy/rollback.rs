//! Rolls back to the last good images, without a build.
//!
//! The plan covers only the service and its dependencies. So a change elsewhere that waits for approval does not delay
//! a rollback, and a rollback changes only the images.

use std::io::IsTerminal as _;

use anyhow::Context as _;

use super::ask::Asker;
use super::stack::{Stack, Target};
use crate::plan::Plan;
use crate::release::effect::Effect;
use crate::release::images::{Desired, Images as Found};
use crate::release::{github, way_back};

/// Arguments of `find`.
#[derive(Debug, clap::Args)]
pub(super) struct Images {
    #[command(flatten)]
    target: Target,
    /// Digest (`sha256:…`) or image of the API; the running image when only the sidecar's is given
    #[arg(long, env = "API_DIGEST", default_value = "")]
    api: String,
    /// Digest (`sha256:…`) or image of the sidecar; the running image when only the API's is given
    #[arg(long, env = "NGINX_DIGEST", default_value = "")]
    nginx: String,
}

/// Arguments of `rollback`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    images: Images,
    /// Plan, and stop before the apply
    #[arg(long, env = "PLAN_ONLY", default_value = "false", action = clap::ArgAction::Set)]
    plan_only: bool,
}

impl Images {
    pub(super) fn run(&self) -> anyhow::Result<bool> {
        self.target.check_service()?;
        let images = self.find(&self.target.open()?)?;
        github::output(&images.to_string())?;
        Ok(true)
    }

    fn find(&self, stack: &Stack) -> anyhow::Result<Found> {
        let service = stack.ecs(&self.target.service)?;
        let service = service.context("nothing is deployed: there is nothing to go back to")?;
        let desired = |text: &str| -> anyhow::Result<Option<Desired>> {
            if text.is_empty() { Ok(None) } else { text.parse().map(Some) }
        };
        way_back(&service, desired(&self.api)?, desired(&self.nginx)?)
    }
}

impl Args {
    /// `Ok(false)`: the plan changes more than the images, or the person at the terminal does not confirm.
    pub(super) fn run(&self) -> anyhow::Result<bool> {
        let target = &self.images.target;
        target.check_service()?;
        let mut stack = target.open()?;
        let images = self.images.find(&stack)?;
        stack.use_images(Some(images))?;
        let only = format!("-target=module.{}[0].aws_ecs_service.this", target.service);
        let plan = stack.terraform.plan("rollback", &[&only])?;
        let effect = Effect::from_plan(&Plan::parse(&plan.json)?);
        github::summary(&effect.markdown())?;
        if !effect.allowed() || self.plan_only {
            return Ok(effect.allowed());
        }
        // In a workflow there is no terminal, and a person has approved the job.
        if std::io::stdin().is_terminal() && !Asker::default().confirms("Apply this?", "yes", "")? {
            return Ok(false);
        }
        stack.terraform.apply(&plan)?;
        github::output(&format!("url={}", stack.url()?))?;
        Ok(true)
    }
}
