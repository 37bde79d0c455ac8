//! The stack's whole life against an emulated AWS: once for each network, and the root that is applied once.
//!
//! They run at once, each with an emulator of its own, because most of the time goes into the provider's waiting. Only the
//! plans that compare the configuration with AWS refresh the state.

use std::fs;
use std::thread;
use std::time::Instant;

use anyhow::{Context as _, anyhow, ensure};
use serde_json::Value;

use super::events::Events;
use super::report::{Report, joined};
use super::secret::Secret;
use super::suites::same;
use super::variables::Settings;
use super::{ROOTS, Root, Setup, api_keys};
use crate::command::command;
use crate::emulator::Emulator;

/// A network of the environment.
struct Network {
    name: &'static str,
    environment: &'static str,
    /// The variables that it is proved with.
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
const PARAMETER: &str = "module.sum[0].aws_ssm_parameter.api_key[0]";
const DIGEST: &str = "3333333333333333333333333333333333333333333333333333333333333333";
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

/// A root under proof.
struct Life<'a> {
    name: &'static str,
    root: Root,
    emulator: &'a Emulator,
    report: &'a Report,
    variables: &'static str,
}

impl Life<'_> {
    fn check(&self, name: &str, result: anyhow::Result<()>) -> bool {
        self.report.check(&format!("{}: {name}", self.name), result)
    }

    fn note(&self, started: Instant, text: &str) {
        println!("        {}: {text} {} s", self.name, started.elapsed().as_secs());
    }

    fn terraform(&self, command: &str, options: &[&[&str]]) -> anyhow::Result<Events> {
        Events::of(&self.root, Some(self.emulator), command, &options.concat())
    }

    /// Plans into plan.tfplan; whether there are changes must be as expected.
    fn plan(&self, changes: bool, options: &[&str]) -> anyhow::Result<Events> {
        let own = ["-detailed-exitcode", "-out=plan.tfplan", self.variables];
        let events = self.terraform("plan", &[&own, options])?;
        events.expect_status(if changes { 2 } else { 0 }).map(|()| events)
    }

    /// Nothing is planned.
    fn plans_nothing(&self, name: &str, options: &[&str]) {
        self.check(name, self.plan(false, options).map(drop));
    }

    /// These changes are planned.
    fn plans(&self, name: &str, effect: &str, changes: &[&str], options: &[&str]) {
        let planned = self.plan(true, options);
        let as_expected = match &planned {
            Ok(events) => same(changes, &events.planned()),
            Err(_) => Err(anyhow!("there is no plan")),
        };
        self.check(name, planned.map(drop));
        self.check(effect, as_expected);
    }

    fn apply(&self, options: &[&str]) -> anyhow::Result<Events> {
        let events = self.terraform("apply", &[&["-auto-approve"], options])?;
        events.expect_status(0).map(|()| events)
    }

    fn applies_plan(&self, name: &str) -> bool {
        self.check(name, self.apply(&["plan.tfplan"]).map(drop))
    }

    /// An apply that must fail, with a message that holds this text.
    fn apply_fails(&self, message: &str, options: &[&str]) -> anyhow::Result<()> {
        let events = self.terraform("apply", &[&["-auto-approve"], options])?;
        ensure!(events.status != Some(0), "the apply succeeded");
        ensure!(events.complaint().contains(message), "{}", events.complaint());
        Ok(())
    }

    fn save_state(&self) -> anyhow::Result<()> {
        Ok(fs::write(self.root.folder.join("state.json"), self.root.run(&["show", "-json"])?)?)
    }
}

/// The states must outlive every mistake, so this root is not destroyed.
fn bootstrap(setup: &Setup<'_>) -> anyhow::Result<()> {
    let Setup { repository, terraform, work, report } = *setup;
    let emulator = Emulator::start(repository, &work.join("emulator-bootstrap"))?;
    let root = terraform.ready(&repository.join(ROOTS[0]), &work.join("bootstrap"))?;
    // The environments of the two networks.
    let root = root.with("TF_VAR_environments", r#"["production", "trial"]"#);
    let variables = "-var-file=terraform.tfvars.example";
    let life = Life { name: "bootstrap", root, emulator: &emulator, report, variables };
    let started = Instant::now();
    life.check("plan", life.plan(true, &[]).map(drop));
    if !life.applies_plan("apply") {
        return Ok(());
    }
    life.note(started, "plan and apply:");
    life.save_state()?;
    life.plans_nothing("the second plan is empty", &[]);
    let destroyed = life.apply_fails("Instance cannot be destroyed", &["-destroy", variables]);
    life.check("its states cannot be destroyed by a slip", destroyed);
    Ok(())
}

impl Network {
    fn prove(&self, setup: &Setup<'_>) -> anyhow::Result<()> {
        let Setup { repository, terraform, work, report } = *setup;
        let emulator = Emulator::start(repository, &work.join(format!("emulator-{}", self.name)))?;
        let folder = work.join(self.name);
        let root = terraform.ready(&repository.join(ROOTS[1]), &folder)?;
        let example = fs::read_to_string(folder.join(self.example))?;
        let own = self.name == "private";
        // A hosted zone of the emulator's in place of the placeholder: certificate and records are made as for real.
        let zone_id = own.then(|| emulator.probe("zone", "example.com")).transpose()?;
        let mut settings = Settings { zone_id, key_version: 1, enable_waf: own, digest: None };
        let variables = folder.join("proof.tfvars");
        let write =
            |settings: &Settings| anyhow::Ok(fs::write(&variables, settings.apply_to(&example)?)?);
        write(&settings)?;
        let (old, new) = (Secret::random()?, Secret::random()?);
        let both = format!("{},{}", old.of_client(), new.of_client());
        let root = root.with("TF_VAR_api_keys", api_keys(repository, &old.of_client())?);
        let mut life = Life {
            name: self.name,
            root,
            emulator: &emulator,
            report,
            variables: "-var-file=proof.tfvars",
        };
        if !self.create(&life, &old)? {
            return Ok(());
        }
        let id = format!("sum-api-{}", self.environment);

        emulator.probe("drift", &id)?;
        life.plans(
            "a change behind Terraform's back is seen",
            "and it is that change alone",
            &["module.sum[0].aws_lb.this"],
            &[],
        );
        life.applies_plan("apply mends it");

        settings.digest = Some(DIGEST);
        write(&settings)?;
        let effect = "it replaces the task definition and updates the service";
        life.plans("a new image is planned", effect, &[SERVICE, TASK], &[NO_REFRESH]);
        life.applies_plan("it is deployed");
        life.check("the service runs it", runs(&emulator, &id));
        life.plans_nothing("the plan after it is empty", &[]);

        life.root = life.root.with("TF_VAR_api_keys", api_keys(repository, &both)?);
        life.plans_nothing("a new key without a new version changes nothing", &[NO_REFRESH]);
        settings.key_version = 2;
        write(&settings)?;
        let effect = "it writes the parameter and starts new tasks";
        life.plans("a rotation is planned", effect, &[SERVICE, TASK, PARAMETER], &[NO_REFRESH]);
        let applied = life.apply(&["plan.tfplan"]);
        let text = applied.as_ref().map(|events| events.text.clone()).unwrap_or_default();
        life.check("it is applied", applied.map(drop));
        life.check("SSM holds both keys", self.parameter_is(&emulator, &both));
        let state = fs::read(folder.join("terraform.tfstate"))?;
        let contents: [(&str, &[u8]); 2] = [("the state", &state), ("apply", text.as_bytes())];
        life.check("the new key is nowhere either", new.is_nowhere(&contents));

        fs::write(emulator.rollback(), "")?;
        settings.key_version = 3;
        write(&settings)?;
        let failed =
            life.apply_fails("ECS rolled the deployment back", &[life.variables, NO_REFRESH]);
        life.check("an apply that ECS rolls back fails, and says so", failed);
        fs::remove_file(emulator.rollback())?;

        // So the calls of both networks are recorded with WAF and without it.
        settings.key_version = 2;
        settings.enable_waf = !own;
        write(&settings)?;
        life.check("WAF is switched over", life.apply(&[life.variables]).map(drop));
        self.destroy(&life)?;
        fs::copy(emulator.calls(), folder.join("calls"))?;
        Ok(())
    }

    /// From nothing to an empty second plan; whether there is a stack.
    fn create(&self, life: &Life<'_>, key: &Secret) -> anyhow::Result<bool> {
        let (root, emulator) = (&life.root, life.emulator);
        let started = Instant::now();
        emulator.phase("plan")?;
        life.check("plan", life.plan(true, &[]).map(drop));
        let plan = root.run(&["show", "-json", "plan.tfplan"])?;
        let parts =
            command("unzip").args(["-p", "plan.tfplan"]).current_dir(&root.folder).output()?;
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
        let task = emulator.probe("task-definition", &format!("sum-api-{}", self.environment))?;
        let name = "the parameter is a SecureString with the key";
        life.check(name, self.parameter_is(emulator, &key.of_client()));
        let state = fs::read(root.folder.join("terraform.tfstate"))?;
        let contents: [(&str, &[u8]); 5] = [
            ("the state", &state),
            ("the plan", &parts.stdout),
            ("the plan's JSON", plan.as_bytes()),
            ("the task definition", task.as_bytes()),
            ("apply", applied.text.as_bytes()),
        ];
        life.check(
            "the key is in neither state, plan, plan JSON nor task definition",
            key.is_nowhere(&contents),
        );
        Ok(true)
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

/// Whether the service runs the image with `DIGEST`.
fn runs(emulator: &Emulator, id: &str) -> anyhow::Result<()> {
    let task: Value = serde_json::from_str(&emulator.probe("task-definition", id)?)?;
    let images = task["containerDefinitions"].as_array().into_iter().flatten();
    let images: Vec<&str> = images.filter_map(|container| container["image"].as_str()).collect();
    ensure!(images.iter().any(|image| image.ends_with(DIGEST)), "found: {images:?}");
    Ok(())
}
