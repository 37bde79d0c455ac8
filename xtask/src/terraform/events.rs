//! The output of `terraform -json`: one JSON event per line.

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::{Root, text};
use crate::emulator::Emulator;
use crate::test::Counts;

/// The events of one command.
#[derive(Debug)]
pub(super) struct Events {
    /// The exit code.
    pub(super) status: Option<i32>,
    /// The whole output of the command.
    pub(super) text: String,
    parsed: Vec<Value>,
}

impl Events {
    /// Runs `terraform COMMAND -json` with the arguments.
    pub(super) fn from_command(
        root: &Root,
        emulator: Option<&Emulator>,
        command: &str,
        arguments: &[&str],
    ) -> anyhow::Result<Self> {
        let output = root.output(emulator, &[&[command, "-json"], arguments].concat())?;
        Ok(Self::parse(output.status.code(), &text(&output)))
    }

    fn parse(status: Option<i32>, text: &str) -> Self {
        let parsed = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        Self { status, text: text.to_owned(), parsed }
    }

    fn of_type<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Value> {
        self.parsed.iter().filter(move |event| event["type"] == kind)
    }

    /// Summary and detail of each error.
    pub(super) fn errors(&self) -> impl Iterator<Item = (&str, &str)> {
        let diagnostics = self.of_type("diagnostic").map(|event| &event["diagnostic"]);
        diagnostics.filter(|diagnostic| diagnostic["severity"] == "error").map(|diagnostic| {
            let text = |name: &str| diagnostic[name].as_str().unwrap_or_default();
            (text("summary"), text("detail"))
        })
    }

    /// The errors as text. Without a JSON error: the last lines of the output.
    pub(super) fn complaint(&self) -> String {
        let errors: Vec<String> =
            self.errors().map(|(summary, detail)| format!("{summary}: {detail}")).collect();
        if errors.is_empty() { crate::command::tail(&self.text, 5) } else { errors.join("\n") }
    }

    /// Fails if the command ended with another exit code.
    pub(super) fn expect_status(&self, expected: i32) -> anyhow::Result<()> {
        let found = self.status.unwrap_or(-1);
        ensure!(found == expected, "exit code {found}, expected {expected}\n{}", self.complaint());
        Ok(())
    }

    /// The addresses of the planned changes, sorted.
    pub(super) fn planned(&self) -> Vec<&str> {
        let changes = self.of_type("planned_change");
        let mut addresses: Vec<&str> =
            changes.filter_map(|event| event["change"]["resource"]["addr"].as_str()).collect();
        addresses.sort_unstable();
        addresses
    }

    /// Terraform's line with the number of changes of a plan or an apply.
    pub(super) fn summary(&self) -> &str {
        let last = self.of_type("change_summary").last();
        last.and_then(|event| event["@message"].as_str()).unwrap_or_default()
    }

    /// The counts of `terraform test`.
    pub(super) fn tests(&self) -> anyhow::Result<Counts> {
        let summary = self.of_type("test_summary").last().with_context(|| self.complaint())?;
        let summary = &summary["test_summary"];
        let count = |name: &str| summary[name].as_u64().and_then(|count| u32::try_from(count).ok());
        let [passed, failed, errored, skipped] =
            ["passed", "failed", "errored", "skipped"].map(|name| count(name).unwrap_or(0));
        let failed = (failed + errored).max(u32::from(summary["status"] != "pass"));
        Ok(Counts { passed, failed: failed + skipped, skipped: 0 })
    }

    /// Each file of tests and its result.
    pub(super) fn files(&self) -> impl Iterator<Item = &str> {
        let complete =
            self.of_type("test_file").filter(|event| event["test_file"]["progress"] == "complete");
        complete.filter_map(|event| event["@message"].as_str())
    }

    /// The changes in the plan of a run, which `-verbose` prints.
    pub(super) fn changes_of_run(&self, run: &str) -> anyhow::Result<Vec<&Value>> {
        let plan = self.of_type("test_plan").find(|event| event["@testrun"] == run);
        let changes = plan.and_then(|event| event["test_plan"]["resource_changes"].as_array());
        let changes = changes.with_context(|| format!("no plan of the run {run}"))?;
        let changes = changes.iter().filter(|change| {
            let action = &change["change"]["actions"][0];
            action != "no-op" && action != "read"
        });
        Ok(changes.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_and_skipped_runs_count_as_failed() {
        let summary = r#"{"type":"test_summary","test_summary":{"status":"fail","passed":3,"failed":1,"errored":1,"skipped":2}}"#;
        let counts = Events::parse(Some(1), summary).tests().unwrap();
        assert_eq!(counts, Counts { passed: 3, failed: 4, skipped: 0 });
        Events::parse(Some(1), "Error: no tests\n").tests().unwrap_err();
    }

    #[test]
    fn events_give_planned_addresses_and_errors() {
        let text = r#"{"type":"planned_change","change":{"resource":{"addr":"b"}}}
{"type":"resource_drift","change":{"resource":{"addr":"c"}}}
{"type":"planned_change","change":{"resource":{"addr":"a"}}}
{"type":"diagnostic","diagnostic":{"severity":"warning","summary":"w","detail":""}}
{"type":"diagnostic","diagnostic":{"severity":"error","summary":"s","detail":"d"}}"#;
        let events = Events::parse(Some(1), text);
        assert_eq!(events.planned(), ["a", "b"]);
        assert_eq!(events.complaint(), "s: d");
        events.expect_status(0).unwrap_err();
    }
}
