//! A running `terraform apply`.
//!
//! ECS does not wait for Terraform. It starts tasks as soon as the service is created or updated, while Terraform
//! changes other resources and waits for a steady state. The rehearsal does the same. So it also tests that everything
//! that a task needs exists at that time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::Variables;
use super::emulator::Emulator;
use crate::aws::{Client, ecs};

/// Time between two queries of the emulator. A query takes one second of CPU time, which Terraform needs.
const PAUSE: Duration = Duration::from_secs(2);

/// The running Terraform.
#[derive(Debug)]
pub(super) struct Applying {
    process: JoinHandle<anyhow::Result<String>>,
    /// When it began.
    pub(super) begun: Instant,
}

impl Applying {
    /// Starts Terraform.
    pub(super) fn start(emulator: &Arc<Emulator>, variables: &Variables) -> Self {
        let (emulator, variables) = (emulator.clone(), variables.clone());
        let process = tokio::spawn(async move { emulator.apply(&variables).await });
        Self { process, begun: Instant::now() }
    }

    /// Waits until the service exists. Returns the ARNs of its cluster and of the service.
    pub(super) async fn service_created(
        &mut self,
        client: &Client,
    ) -> anyhow::Result<(String, String)> {
        loop {
            let had_ended = self.has_ended();
            if let Ok(names) = ecs::find_service(client).await {
                return Ok(names);
            }
            self.go_on(had_ended).await.context("no service was created")?;
        }
    }

    /// Whether Terraform has ended.
    pub(super) fn has_ended(&self) -> bool {
        self.process.is_finished()
    }

    /// Waits for one pause. An error when Terraform had ended before the last query, because then nothing changes any
    /// more. `had_ended` must be the state before the query: Terraform can end during it.
    pub(super) async fn go_on(&mut self, had_ended: bool) -> anyhow::Result<()> {
        if !had_ended {
            sleep(PAUSE).await;
            return Ok(());
        }
        match (&mut self.process).await.context("terraform was cancelled")? {
            Ok(summary) => bail!("terraform ended: {summary}"),
            Err(error) => Err(error),
        }
    }

    /// Waits for the end. Returns the summary and the time that it took.
    pub(super) async fn end(self) -> anyhow::Result<String> {
        let summary = self.process.await.context("terraform was cancelled")??;
        Ok(format!("{summary} ({:.1} s)", self.begun.elapsed().as_secs_f32()))
    }
}
