//! Runs the black-box tests of the crate `contract` against one more task of the registered definition.
//!
//! They call the task's sidecar. Through the balancer, a third of them would test the balancer's own responses (its
//! 404, its headers). They keep to the rate limit of the contract and take a minute, in parallel with the deployments.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use tokio::process::Command;
use tokio::task::JoinHandle;

use crate::task::definition::TaskDefinition;
use crate::testbed::Testbed;
use crate::testbed::key::Key;
use crate::testbed::report::Report;

/// The running tests, with their own task.
#[derive(Debug)]
pub(super) struct Contract(JoinHandle<anyhow::Result<Output>>);

const NAME: &str = "the tests of the contract pass against a task of this definition";

/// Number of tests of `contract/` that run against a task, because they start no process.
const AGAINST_A_TASK: usize = 8;

impl Contract {
    /// Starts the task and the tests; `None` when there is no test program.
    pub(super) fn start(
        testbed: &Testbed,
        definition: &TaskDefinition,
        program: Option<&PathBuf>,
        key: &Key,
        report: &mut Report,
    ) -> Option<Self> {
        let Some(program) = program.cloned() else {
            report.skip(NAME, "--contract does not give a test program");
            return None;
        };
        let (runner, definition) = (testbed.runner.clone(), definition.clone());
        let (port, key) = (testbed.service.port, key.value.clone());
        report.note(
            "the tests of contract/ start now on their own task, in parallel with the next steps",
        );
        Some(Self(tokio::spawn(async move {
            let mut task = runner.start(&definition).await?;
            task.healthy().await?;
            let url = format!("http://{}:{port}", task.network.address);
            let output = run(&program, &runner.sources.service, &url, &key).await;
            task.stop().await;
            Ok(output?)
        })))
    }

    /// Waits for the end of the tests.
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
        "{} more were skipped: they start their own processes and cannot test a running task",
        verdict.skipped
    ));
    if !good {
        // The output of the first failure comes after the lines of the tests.
        let from = text.find("\nfailures:").unwrap_or(0);
        for line in text[from..].lines().filter(|l| !l.trim().is_empty()).take(30) {
            report.note(line);
        }
    }
}

/// The result that the test program prints at its end.
#[derive(Debug, PartialEq, Eq)]
struct Verdict {
    /// Tests that ran and passed.
    ran: usize,
    /// Tests that printed `SKIPPED` and returned.
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
    fn skipped_tests_do_not_count_as_run() {
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
