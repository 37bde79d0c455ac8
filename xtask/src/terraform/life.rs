//! A root under test, and the steps of its lifecycle.

use std::fs;
use std::time::Instant;

use anyhow::{anyhow, ensure};

use super::Root;
use super::events::Events;
use super::secret::Secret;
use super::suites::same;
use crate::checks::Checks;
use crate::command::command;
use crate::emulator::Emulator;

/// A root under test.
pub(super) struct Life<'a> {
    pub(super) name: &'static str,
    pub(super) root: Root,
    pub(super) emulator: &'a Emulator,
    pub(super) checks: &'a Checks,
    pub(super) variables: &'static str,
}

impl Life<'_> {
    pub(super) fn check(&self, name: &str, result: anyhow::Result<()>) -> bool {
        self.checks.check(format!("{}: {name}", self.name), || result)
    }

    pub(super) fn note(&self, started: Instant, text: &str) {
        println!("        {}: {text} {} s", self.name, started.elapsed().as_secs());
    }

    pub(super) fn terraform(&self, command: &str, options: &[&[&str]]) -> anyhow::Result<Events> {
        Events::from_command(&self.root, Some(self.emulator), command, &options.concat())
    }

    /// Plans into plan.tfplan. `changes` states whether changes are expected.
    pub(super) fn plan(&self, changes: bool, options: &[&str]) -> anyhow::Result<Events> {
        let own = ["-detailed-exitcode", "-out=plan.tfplan", self.variables];
        let events = self.terraform("plan", &[&own, options])?;
        events.expect_status(if changes { 2 } else { 0 }).map(|()| events)
    }

    /// Checks that the plan is empty.
    pub(super) fn plans_nothing(&self, name: &str, options: &[&str]) {
        self.check(name, self.plan(false, options).map(drop));
    }

    /// Checks that the plan contains exactly these changes.
    pub(super) fn plans(&self, name: &str, effect: &str, changes: &[&str], options: &[&str]) {
        let planned = self.plan(true, options);
        let as_expected = match &planned {
            Ok(events) => same(changes, &events.planned()),
            Err(_) => Err(anyhow!("there is no plan")),
        };
        self.check(name, planned.map(drop));
        self.check(effect, as_expected);
    }

    pub(super) fn apply(&self, options: &[&str]) -> anyhow::Result<Events> {
        let events = self.terraform("apply", &[&["-auto-approve"], options])?;
        events.expect_status(0).map(|()| events)
    }

    pub(super) fn applies_plan(&self, name: &str) -> bool {
        self.check(name, self.apply(&["plan.tfplan"]).map(drop))
    }

    /// Checks that the apply fails with a message that contains this text.
    pub(super) fn apply_fails(&self, message: &str, options: &[&str]) -> anyhow::Result<()> {
        let events = self.terraform("apply", &[&["-auto-approve"], options])?;
        ensure!(events.status != Some(0), "the apply succeeded");
        ensure!(events.complaint().contains(message), "{}", events.complaint());
        Ok(())
    }

    /// Checks that no state, plan or task definition contains the key.
    pub(super) fn holds_nothing_of(&self, key: &Secret, id: &str) -> anyhow::Result<()> {
        let folder = &self.root.folder;
        let parts = command("unzip").args(["-p", "plan.tfplan"]).current_dir(folder).output()?;
        let plan = self.root.run(&["show", "-json", "plan.tfplan"])?;
        let state = fs::read(folder.join("terraform.tfstate"))?;
        let task = self.emulator.probe("task-definition", id)?;
        let contents: [(&str, &[u8]); 4] = [
            ("the state", &state),
            ("the plan", &parts.stdout),
            ("the plan's JSON", plan.as_bytes()),
            ("the task definition", task.as_bytes()),
        ];
        let name = "the key is in neither state, plan, plan JSON nor task definition";
        self.check(name, key.is_nowhere(&contents));
        Ok(())
    }

    pub(super) fn save_state(&self) -> anyhow::Result<()> {
        Ok(fs::write(self.root.folder.join("state.json"), self.root.run(&["show", "-json"])?)?)
    }
}
