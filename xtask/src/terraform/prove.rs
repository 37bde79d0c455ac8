//! The lifecycle of the stack against an emulated AWS, once for each network, and the lifecycle of the bootstrap root.
//!
//! They run in parallel, each with its own emulator, because the provider mostly waits. Only the plans that compare the
//! configuration with AWS refresh the state.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Instant;

use anyhow::{Context as _, anyhow, ensure};
use serde_json::Value;

use super::events::Events;
use super::life::Life;
use super::parallel::joined;
use super::secret::Secret;
use super::variables::Settings;
use super::{ROOTS, Setup};
use crate::emulator::Emulator;

/// A network of the environment.
struct Network {
    name: &'static str,
    environment: &'static str,
    /// The file with the variables of the proof.
    example: &'static str,
}

const NETWORKS: [Network; 2] = [
    network("private", "production", "terraform.tfvars.example"),
    network("default-vpc", "trial", "trial.tfvars.example"),
];

const fn network(name: &'static str, environment: &'static str, example: &'static str) -> Network {
    Network { name, environment, example }
}

const SERVICE: &str = "module.sum[0].aws_ecs_service.this";
const TASK: &str = "module.sum[0].aws_ecs_task_definition.this";
const DIGEST: &str = "3333333333333333333333333333333333333333333333333333333333333333";
/// The digest of an image that ECS rolls back.
const BAD_DIGEST: &str = "4444444444444444444444444444444444444444444444444444444444444444";
const NO_REFRESH: &str = "-refresh=false";

pub(super) fn run(setup: &Setup<'_>) -> anyhow::Result<()> {
    thread::scope(|scope| {
        let mut lives = vec![scope.spawn(|| bootstrap(setup).context("bootstrap"))];
        lives.extend(
            NETWORKS
                .iter()
                .map(|network| scope.spawn(|| network.prove(setup).context(network.name))),
        );
        lives.into_iter().try_for_each(joined)
    })
}

/// This root holds the Terraform states, so the check ends with a refused destroy.
fn bootstrap(setup: &Setup<'_>) -> anyhow::Result<()> {
    let Setup { repository, terraform, work, checks } = *setup;
    let emulator = Emulator::start(repository, &work.join("emulator-bootstrap"))?;
    let root = terraform.ready(&repository.join(ROOTS[0]), &work.join("bootstrap"))?;
    // The environments of the two networks.
    let root = root.with("TF_VAR_environments", r#"["production", "trial"]"#);
    let variables = "-var-file=terraform.tfvars.example";
    let life = Life { name: "bootstrap", root, emulator: &emulator, checks, variables };
    let started = Instant::now();
    life.check("plan", life.plan(true, &[]).map(drop));
    if !life.applies_plan("apply") {
        return Ok(());
    }
    life.note(started, "plan and apply:");
    life.save_state()?;
    life.plans_nothing("the second plan is empty", &[]);
    let destroyed = life.apply_fails("Instance cannot be destroyed", &["-destroy", variables]);
    life.check("destroy refuses to delete the states", destroyed);
    Ok(())
}

impl Network {
    fn prove(&self, setup: &Setup<'_>) -> anyhow::Result<()> {
        let Setup { repository, terraform, work, checks } = *setup;
        let emulator = Emulator::start(repository, &work.join(format!("emulator-{}", self.name)))?;
        let folder = work.join(self.name);
        let root = terraform.ready(&repository.join(ROOTS[1]), &folder)?;
        let example = fs::read_to_string(folder.join(self.example))?;
        let own = self.name == "private";
        // Replace the placeholder by a hosted zone of the emulator, so that Terraform creates certificate and records.
        let zone_id = own.then(|| emulator.probe("zone", "example.com")).transpose()?;
        let mut settings = Settings { zone_id, enable_waf: own, digest: None };
        let variables = folder.join("proof.tfvars");
        let write =
            |settings: &Settings| anyhow::Ok(fs::write(&variables, settings.apply_to(&example)?)?);
        write(&settings)?;
        let life = Life {
            name: self.name,
            root,
            emulator: &emulator,
            checks,
            variables: "-var-file=proof.tfvars",
        };
        if !self.create(&life)? {
            return Ok(());
        }
        let id = format!("sum-api-{}", self.environment);
        let key = self.give_key(&life, repository)?;

        emulator.probe("drift", &id)?;
        life.plans(
            "a change outside Terraform is planned",
            "the plan contains only that change",
            &["module.sum[0].aws_lb.this"],
            &[],
        );
        life.applies_plan("apply reverts it");

        settings.digest = Some(DIGEST);
        write(&settings)?;
        let effect = "the plan replaces the task definition and updates the service";
        life.plans("a new image is planned", effect, &[SERVICE, TASK], &[NO_REFRESH]);
        life.applies_plan("the new image is deployed");
        life.check("the service runs the new image", runs(&emulator, &id));
        life.plans_nothing("the plan after the deployment is empty", &[]);
        life.check("the key in SSM is unchanged", self.parameter_is(&emulator, &key.of_client()));
        life.holds_nothing_of(&key, &id)?;

        fs::write(emulator.rollback(), "")?;
        settings.digest = Some(BAD_DIGEST);
        write(&settings)?;
        let failed =
            life.apply_fails("ECS rolled the deployment back", &[life.variables, NO_REFRESH]);
        life.check("an apply that ECS rolls back fails with that reason", failed);
        fs::remove_file(emulator.rollback())?;

        // Record the calls of both networks with WAF and without it.
        settings.digest = Some(DIGEST);
        settings.enable_waf = !own;
        write(&settings)?;
        life.check("WAF is switched on or off", life.apply(&[life.variables]).map(drop));
        self.destroy(&life)?;
        fs::copy(emulator.calls(), folder.join("calls"))?;
        Ok(())
    }

    /// Creates the stack and checks that the second plan is empty. Returns whether the stack exists.
    fn create(&self, life: &Life<'_>) -> anyhow::Result<bool> {
        let emulator = life.emulator;
        let started = Instant::now();
        emulator.phase("plan")?;
        life.check("plan", life.plan(true, &[]).map(drop));
        emulator.phase("apply")?;
        let applied = match life.apply(&["plan.tfplan"]) {
            Ok(applied) => applied,
            Err(error) => return Ok(life.check("apply", Err(error))),
        };
        life.check("apply", Ok(()));
        life.note(started, applied.summary());
        life.save_state()?;
        let started = Instant::now();
        emulator.phase("plan")?;
        life.plans_nothing("the second plan is empty", &[]);
        emulator.phase("apply")?;
        life.note(started, "the second plan:");
        let name = "the parameter is a SecureString without a key";
        life.check(name, self.parameter_is(emulator, "none"));
        Ok(true)
    }

    /// Gives a client a key with `ops key`, and searches for the key in the files that Terraform writes afterwards.
    fn give_key(&self, life: &Life<'_>, repository: &Path) -> anyhow::Result<Secret> {
        let id = format!("sum-api-{}", self.environment);
        let key = Secret::of_new_client(life.emulator, repository, self.environment)?;
        life.check(
            "ops key gives a client a key",
            self.parameter_is(life.emulator, &key.of_client()),
        );
        life.plans_nothing("Terraform sees no change", &[]);
        life.check(
            "a refresh is applied",
            life.apply(&["-refresh-only", life.variables]).map(drop),
        );
        life.holds_nothing_of(&key, &id)?;
        Ok(key)
    }

    fn parameter_is(&self, emulator: &Emulator, keys: &str) -> anyhow::Result<()> {
        let found =
            emulator.probe("parameter", &format!("/sum-api/{}/api-key", self.environment))?;
        ensure!(found == format!("SecureString {keys}"), "found: {found}");
        Ok(())
    }

    fn destroy(&self, life: &Life<'_>) -> anyhow::Result<()> {
        let started = Instant::now();
        life.emulator.phase("destroy")?;
        let options = [life.variables, "-var=deletion_protection=false"];
        let unprotected = life.apply(&[options.as_slice(), &[NO_REFRESH]].concat());
        let destroyed =
            unprotected.and_then(|_| life.apply(&[&["-destroy"], options.as_slice()].concat()));
        life.note(started, destroyed.as_ref().map(Events::summary).unwrap_or_default());
        life.check("destroy", destroyed.map(drop));
        let state = life.root.run(&["state", "list"])?;
        let left = life.emulator.probe("left", &format!("sum-api-{}", self.environment))?;
        let none = if state.is_empty() && left.is_empty() {
            Ok(())
        } else {
            Err(anyhow!("{state}{left}"))
        };
        life.check("nothing is left", none);
        Ok(())
    }
}

/// Checks that the service runs the image with `DIGEST`.
fn runs(emulator: &Emulator, id: &str) -> anyhow::Result<()> {
    let task: Value = serde_json::from_str(&emulator.probe("task-definition", id)?)?;
    let images = task["containerDefinitions"].as_array().into_iter().flatten();
    let images: Vec<&str> = images.filter_map(|container| container["image"].as_str()).collect();
    ensure!(images.iter().any(|image| image.ends_with(DIGEST)), "found: {images:?}");
    Ok(())
}
