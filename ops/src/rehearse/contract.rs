//! The black-box tests of the crate `contract`, against one more task of the registered definition.
//!
//! They speak to the task's own sidecar. Through the balancer a third of them would be held against the
//! balancer's own answers (its 404, its headers). They keep the contract's pace, hence take a minute,
//! and go on beside the deployments.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;
use tokio::task::JoinHandle;

use crate::stage::Stage;
use crate::stage::key::Key;
use crate::stage::report::Report;
use crate::task::definition::TaskDefinition;
use crate::task::running::Task;

/// The tests at work, and the task that they are held against.
#[derive(Debug)]
pub(super) struct Contract {
    task: Task,
    tests: JoinHandle<std::io::Result<std::process::Output>>,
}

const NAME: &str = "the contract, held against a task of this definition";

impl Contract {
    /// Starts both; `None` when there is no test program.
    pub(super) async fn start(
        stage: &Stage,
        definition: &TaskDefinition,
        program: Option<&PathBuf>,
        key: &Key,
        report: &mut Report,
    ) -> anyhow::Result<Option<Self>> {
        let Some(program) = program else {
            report.skip(NAME, "its test program was not given");
            return Ok(None);
        };
        let task = stage.runner.start(definition).await?;
        task.healthy().await?; // started is not yet listening
        let address = format!("http://{}:{}", task.network.address, stage.service.port);
        report.note(&format!("the tests of contract/ begin, against {address}"));
        Ok(Some(Self {
            task,
            tests: tokio::spawn(run(program.clone(), address, key.value.clone())),
        }))
    }

    /// Waits for their end.
    pub(super) async fn end(mut self, report: &mut Report) {
        match self.tests.await.map_err(std::io::Error::other).flatten() {
            Ok(output) => judge(&output, report),
            Err(error) => report.check(NAME, false, &error.to_string()),
        }
        self.task.stop().await;
    }
}

fn judge(output: &std::process::Output, report: &mut Report) {
    let text = String::from_utf8_lossy(&output.stdout);
    let verdict =
        text.lines().rev().find(|l| l.starts_with("test result:")).unwrap_or("no verdict");
    let skipped = text.lines().filter(|l| l.starts_with("SKIPPED: ")).count();
    let good = output.status.success() && verdict.contains(" ok");
    report.check(NAME, good, verdict);
    report.note(&format!(
        "{skipped} of them start processes of their own and are no tests of a running task"
    ));
    if !good {
        // What it said of the first failure, after the lines of the tests.
        let from = text.find("\nfailures:").unwrap_or(0);
        for line in text[from..].lines().filter(|l| !l.trim().is_empty()).take(30) {
            report.note(line);
        }
    }
}

async fn run(program: PathBuf, url: String, key: String) -> std::io::Result<std::process::Output> {
    Command::new(Path::new(&program))
        .arg("--show-output")
        .env("SUM_API_URL", url)
        .env("SUM_API_KEY", key)
        .stdin(Stdio::null())
        .process_group(0)
        .kill_on_drop(true)
        .output()
        .await
}
