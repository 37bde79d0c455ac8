//! The black-box tests of the crate `contract`, against one more task of the registered definition.
//!
//! They speak to the task's own sidecar. Through the balancer a third of them would be held against the
//! balancer's own answers (its 404, its headers). They keep the contract's pace, hence take a minute,
//! and go on beside the deployments.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use tokio::process::Command;
use tokio::task::JoinHandle;

use crate::task::definition::TaskDefinition;
use crate::testbed::Testbed;
use crate::testbed::key::Key;
use crate::testbed::report::Report;

/// The tests at work, on a task of their own.
#[derive(Debug)]
pub(super) struct Contract(JoinHandle<anyhow::Result<Output>>);

const NAME: &str = "the contract, held against a task of this definition";

/// Tests of `contract/` that start no process of their own, so that they run against a task.
const AGAINST_A_TASK: usize = 8;

impl Contract {
    /// Starts both; `None` when there is no test program.
    pub(super) fn start(
        testbed: &Testbed,
        definition: &TaskDefinition,
        program: Option<&PathBuf>,
        key: &Key,
        report: &mut Report,
    ) -> Option<Self> {
        let Some(program) = program.cloned() else {
            report.skip(NAME, "its test program was not given");
            return None;
        };
        let (runner, definition) = (testbed.runner.clone(), definition.clone());
        let (port, key) = (testbed.service.port, key.value.clone());
        report.note("the tests of contract/ begin beside all that follows, on a task of their own");
        Some(Self(tokio::spawn(async move {
            let mut task = runner.start(&definition).await?;
            task.healthy().await?;
            let url = format!("http://{}:{port}", task.network.address);
            let output = run(&program, &runner.sources.service, &url, &key).await;
            task.stop().await;
            Ok(output?)
        })))
    }

    /// Waits for their end.
    pub(super) async fn end(self, report: &mut Report) {
        match self.0.await.map_err(anyhow::Error::from).flatten() {
            Ok(output) => judge(&output, report),
            Err(error) => report.check(NAME, false, &format!("{error:#}")),
        }
    }
}

fn judge(output: &Output, report: &mut Report) {
    let text = String::from_utf8_lossy(&output.stdout);
    let verdict = Verdict::from_output(&text);
    let good = output.status.success() && verdict.ran >= AGAINST_A_TASK;
    report.check(NAME, good, &format!("{} tests, at least {AGAINST_A_TASK}", verdict.ran));
    report.note(&format!(
        "{} more start processes of their own and are no tests of a running task",
        verdict.skipped
    ));
    if !good {
        // What it said of the first failure, after the lines of the tests.
        let from = text.find("\nfailures:").unwrap_or(0);
        for line in text[from..].lines().filter(|l| !l.trim().is_empty()).take(30) {
            report.note(line);
        }
    }
}

/// What the test program says at its end.
#[derive(Debug, PartialEq, Eq)]
struct Verdict {
    /// Tests that passed because they ran.
    ran: usize,
    /// Tests that returned at once and said so.
    skipped: usize,
}

impl Verdict {
    fn from_output(text: &str) -> Self {
        let result =
            |line: &str| line.strip_prefix("test result: ok. ")?.split(' ').next()?.parse().ok();
        let passed: usize = text.lines().rev().find_map(result).unwrap_or(0);
        let skipped = text.lines().filter(|l| l.starts_with("SKIPPED: ")).count();
        Self { ran: passed.saturating_sub(skipped), skipped }
    }
}

async fn run(program: &Path, service: &str, url: &str, key: &str) -> std::io::Result<Output> {
    Command::new(program)
        .arg("--show-output")
        .env("CONTRACT_URL", url)
        .env("CONTRACT_KEY", key)
        .env("CONTRACT_SERVICE", service)
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
        .process_group(0)
        .kill_on_drop(true)
        .output()
        .await
}

#[cfg(test)]
mod tests {
    use super::Verdict;

    #[test]
    fn a_test_that_skipped_itself_has_not_run() {
        for (text, ran, skipped) in [
            ("SKIPPED: a: b\nSKIPPED: c: d\ntest result: ok. 10 passed; 0 failed; 0 ignored", 8, 2),
            ("test result: ok. 0 passed; 0 failed; 0 ignored", 0, 0),
            ("SKIPPED: a: b\ntest result: ok. 1 passed; 0 failed", 0, 1),
            ("test result: FAILED. 9 passed; 1 failed", 0, 0),
            ("", 0, 0),
        ] {
            assert_eq!(Verdict::from_output(text), Verdict { ran, skipped }, "{text}");
        }
    }
}
