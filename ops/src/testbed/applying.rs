//! A `terraform apply` that is under way.
//!
//! ECS does not wait for Terraform to end: it starts tasks as soon as the service is created or
//! updated, while Terraform goes on with other resources and waits for a steady state. So does the
//! rehearsal, which also sees thereby that everything a task needs is there by then.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::Variables;
use super::emulator::Emulator;
use crate::aws::{Client, ecs};

/// From one look at the emulator to the next. A look costs a second of one core, which Terraform needs.
const PAUSE: Duration = Duration::from_secs(2);

/// The running Terraform.
#[derive(Debug)]
pub(super) struct Applying {
    process: JoinHandle<anyhow::Result<String>>,
    /// When it began.
    pub(super) begun: Instant,
}

impl Applying {
    /// Starts it.
    pub(super) fn start(emulator: &Arc<Emulator>, variables: &Variables) -> Self {
        let (emulator, variables) = (emulator.clone(), variables.clone());
        let process = tokio::spawn(async move { emulator.apply(&variables).await });
        Self { process, begun: Instant::now() }
    }

    /// Waits until there is a service; ARNs of its cluster and of itself.
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

    /// One pause, unless Terraform had ended before the last look: then nothing more will come. Terraform may end during
    /// a look, so the state after it says nothing.
    pub(super) async fn go_on(&mut self, had_ended: bool) -> anyhow::Result<()> {
        if !had_ended {
            sleep(PAUSE).await;
            return Ok(());
        }
        match (&mut self.process).await.context("terraform was cut off")? {
            Ok(summary) => bail!("terraform ended: {summary}"),
            Err(error) => Err(error),
        }
    }

    /// Its summary and time, when it has ended.
    pub(super) async fn end(self) -> anyhow::Result<String> {
        let summary = self.process.await.context("terraform was cut off")??;
        Ok(format!("{summary} ({:.1} s)", self.begun.elapsed().as_secs_f32()))
    }
}
