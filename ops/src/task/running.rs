//! A running task and its containers: their state and their end.

use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::Command;
use tokio::sync::watch;
use tokio::time::timeout;

use super::bundle::Bundle;
use super::container::Launch;
use super::definition::TaskDefinition;
use super::health::Health;
use super::log::Log;
use super::network::TaskNetwork;

/// Maximum time to wait for a `dependsOn` condition: the default of ECS on Fargate.
const START_TIMEOUT: Duration = Duration::from_mins(3);

/// A running task.
#[derive(Debug)]
pub struct Task {
    /// Its number: 1, 2, 3 …
    pub number: u8,
    /// Its definition.
    pub definition: TaskDefinition,
    /// Its interface.
    pub network: TaskNetwork,
    /// Its control group, if it has one.
    pub cgroup: Option<PathBuf>,
    /// Its containers in the order in which they were started.
    pub containers: Vec<Running>,
}

/// A running container.
#[derive(Debug)]
pub struct Running {
    /// Its launch configuration.
    pub launch: Launch,
    /// The id of its first process on the host.
    pub pid: Pid,
    pub(super) bundle: Bundle,
    /// Its output.
    pub log: Log,
    /// Its health.
    pub health: watch::Receiver<Health>,
    /// When it was healthy for the first time.
    pub first_healthy: Arc<OnceLock<Instant>>,
    /// How it ended.
    pub exit: watch::Receiver<Option<ExitStatus>>,
    /// When its start began.
    pub started: Instant,
}

/// How one container ended.
#[derive(Debug)]
pub struct Stopped {
    /// Its name.
    pub name: String,
    /// Its stop signal.
    pub signal: String,
    /// Whether it still ran and received the signal.
    pub asked: bool,
    /// Time from the signal to the end.
    pub took: Duration,
    /// Whether it was killed after `stopTimeout`.
    pub killed: bool,
    /// Exit code; `None` when a signal ended it.
    pub code: Option<i32>,
}

impl Task {
    /// The container of this name.
    #[must_use]
    pub fn container(&self, name: &str) -> Option<&Running> {
        self.containers.iter().find(|c| c.launch.name() == name)
    }

    /// Waits until every container with a health check is healthy.
    pub async fn healthy(&self) -> anyhow::Result<()> {
        for container in
            self.containers.iter().filter(|c| c.launch.container.health_check.is_some())
        {
            reached(container, "HEALTHY")
                .await
                .with_context(|| format!("container {}", container.launch.name()))?;
        }
        Ok(())
    }

    /// The essential container that has ended, if any. ECS then stops the task.
    #[must_use]
    pub fn ended(&self) -> Option<&Running> {
        self.containers.iter().find(|c| c.launch.container.essential && c.exit.borrow().is_some())
    }

    /// Stops the containers in reverse order, each with its stop signal and its `stopTimeout`.
    pub async fn stop(&mut self) -> Vec<Stopped> {
        let mut stopped = Vec::new();
        for container in self.containers.iter_mut().rev() {
            stopped.push(container.stop().await);
        }
        // An error means that the namespace does not exist any more, which is fine.
        let _ = self.network.remove().await;
        stopped
    }
}

impl Running {
    /// Sends a signal to the container's first process, as `docker kill` does. SIGKILL ends all its processes.
    pub fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        kill_process(self.pid, signal)
            .with_context(|| format!("cannot signal {}", self.launch.name()))
    }

    /// A command in the container, as its user.
    #[must_use]
    pub fn exec(&self, argv: &[String]) -> Command {
        self.bundle.exec(argv)
    }

    async fn stop(&mut self) -> Stopped {
        let begun = Instant::now();
        let ran = self.exit.borrow().is_none();
        // A container that has already ended gets no signal. The error is ignored.
        let sent = self.bundle.kill(&self.launch.stop_signal).status().await;
        let patience = Duration::from_secs(self.launch.container.stop_timeout);
        let killed = timeout(patience, self.exit.wait_for(Option::is_some)).await.is_err();
        if killed {
            let _ = self.signal(Signal::KILL);
            let _ = self.exit.wait_for(Option::is_some).await;
        }
        let code = self.exit.borrow().and_then(|status| status.code());
        Stopped {
            name: self.launch.name().to_owned(),
            signal: self.launch.stop_signal.clone(),
            asked: ran && sent.is_ok_and(|status| status.success()),
            took: begun.elapsed(),
            killed,
            code,
        }
    }
}

/// Waits for a `dependsOn` condition of the other container.
pub(super) async fn reached(other: &Running, condition: &str) -> anyhow::Result<()> {
    let (mut health, mut exit) = (other.health.clone(), other.exit.clone());
    let wait = async {
        match condition {
            "START" => Ok(()),
            "HEALTHY" => tokio::select! {
                biased;
                _ = exit.wait_for(Option::is_some) => bail!("{} ended: {:?}", other.launch.name(), other.exit.borrow().map(|s| s.to_string())),
                verdict = health.wait_for(|h| *h != Health::Unknown) => match verdict.map(|v| *v) {
                    Ok(Health::Healthy) => Ok(()),
                    _ => bail!("{} is unhealthy", other.launch.name()),
                },
            },
            "COMPLETE" | "SUCCESS" => {
                let status = exit
                    .wait_for(Option::is_some)
                    .await
                    .map(|s| s.and_then(|s| s.code()))
                    .ok()
                    .flatten();
                if condition == "SUCCESS" && status != Some(0) {
                    bail!("{} ended with {status:?}", other.launch.name())
                }
                Ok(())
            }
            unknown => bail!("unknown condition {unknown}"),
        }
    };
    timeout(START_TIMEOUT, wait)
        .await
        .with_context(|| format!("not {condition} within {} s", START_TIMEOUT.as_secs()))?
}

/// Observes whether a task still runs, without owning it.
#[derive(Debug, Clone)]
pub struct Watch {
    number: u8,
    essential: Vec<watch::Receiver<Option<ExitStatus>>>,
}

impl Watch {
    /// Whether all of its essential containers run.
    #[must_use]
    pub fn running(&self) -> bool {
        self.essential.iter().all(|exit| exit.borrow().is_none())
    }

    /// Whether both observe the same task.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Task {
    /// See [`Watch`].
    #[must_use]
    pub fn watch(&self) -> Watch {
        let essential =
            self.containers.iter().filter(|c| c.launch.container.essential).map(|c| c.exit.clone());
        Watch { number: self.number, essential: essential.collect() }
    }
}
