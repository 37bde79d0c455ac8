//! Emulates the ECS service scheduler: keeps the tasks of one service, and replaces them.
//!
//! A deployment is a rolling deployment, 100 to 200 percent:
//!
//! 1. All new tasks start. Each is registered with the balancer.
//! 2. When the containers and then the targets of all new tasks are healthy, the old tasks are deregistered.
//! 3. A deregistered task still runs for the deregistration delay. Then it is stopped.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::balancer::{Balancer, State, Target};
use crate::task::definition::TaskDefinition;
use crate::task::runner::Runner;
use crate::task::running::{Stopped, Task};

/// Maximum time until a target is healthy. Longer than the applied checks need.
const PATIENCE: Duration = Duration::from_secs(90);

/// The service.
#[derive(Debug)]
pub struct Service {
    runner: Arc<Runner>,
    balancer: Arc<Balancer>,
    /// Container port that receives the requests of the balancer.
    pub port: u16,
    /// Number of tasks.
    pub desired: usize,
    /// Time from deregistration to stop.
    pub deregistration_delay: Duration,
    /// Tasks in service.
    pub tasks: Vec<Live>,
    leaving: Vec<JoinHandle<(u8, Vec<Stopped>)>>,
    hurry: watch::Sender<bool>,
}

/// A task that is registered with the balancer.
#[derive(Debug)]
pub struct Live {
    /// The task.
    pub task: Task,
    /// Its registration.
    pub target: Target,
}

/// How long the steps of a deployment took.
#[derive(Debug, Clone, Copy)]
pub struct Deployed {
    /// Until the last new task's containers were healthy.
    pub running: Duration,
    /// Until the last target was healthy.
    pub healthy: Duration,
}

impl Service {
    /// A service without tasks.
    #[must_use]
    pub fn new(
        runner: Arc<Runner>,
        balancer: Arc<Balancer>,
        port: u16,
        desired: usize,
        deregistration_delay: Duration,
    ) -> Self {
        Self {
            runner,
            balancer,
            port,
            desired,
            deregistration_delay,
            tasks: Vec::new(),
            leaving: Vec::new(),
            hurry: watch::channel(false).0,
        }
    }

    /// Replaces all tasks by tasks of this definition. The old ones drain in the background. On failure, the old ones
    /// stay and the new ones are stopped, as the circuit breaker does.
    pub async fn deploy(&mut self, definition: &TaskDefinition) -> anyhow::Result<Deployed> {
        let begun = Instant::now();
        let new = self.begin(definition).await?;
        let running = begun.elapsed();
        self.finish(new).await?;
        Ok(Deployed { running, healthy: begun.elapsed() })
    }

    /// The first half of a deployment: starts and registers the new tasks. The old ones stay.
    pub async fn begin(&mut self, definition: &TaskDefinition) -> anyhow::Result<Vec<Live>> {
        self.start(self.desired, definition).await
    }

    async fn start(
        &mut self,
        count: usize,
        definition: &TaskDefinition,
    ) -> anyhow::Result<Vec<Live>> {
        let starting: Vec<_> = (0..count)
            .map(|_| {
                let (runner, definition) = (self.runner.clone(), definition.clone());
                tokio::spawn(async move { runner.start(&definition).await })
            })
            .collect();
        let mut new = Vec::new();
        let mut failed = None;
        for task in starting {
            match task.await.context("the start of a task was cancelled")? {
                Ok(task) => new.push(self.register(task).await?),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        for live in &new {
            if failed.is_none() {
                failed = live.task.healthy().await.err();
            }
        }
        match failed {
            None => Ok(new),
            Some(error) => {
                self.give_up(new).await?;
                Err(error)
            }
        }
    }

    /// The second half of a deployment: waits until the targets of the new tasks are healthy, then drains the old
    /// tasks.
    pub async fn finish(&mut self, new: Vec<Live>) -> anyhow::Result<()> {
        if let Err(error) = self.healthy(&new).await {
            self.give_up(new).await?;
            return Err(error);
        }
        for old in std::mem::replace(&mut self.tasks, new) {
            self.leave(old).await?;
        }
        Ok(())
    }

    /// Stops every task at once and starts new ones, as `aws ecs stop-task` for each task does.
    pub async fn replace(&mut self, definition: &TaskDefinition) -> anyhow::Result<()> {
        let old = std::mem::take(&mut self.tasks);
        self.give_up(old).await?;
        self.tasks = self.begin(definition).await?;
        self.healthy(&self.tasks).await
    }

    /// Waits until all targets are healthy.
    async fn healthy(&self, tasks: &[Live]) -> anyhow::Result<()> {
        for live in tasks {
            self.balancer.reaches(&live.target, State::Healthy, PATIENCE).await?;
        }
        Ok(())
    }

    /// Drains one task, as Fargate does when it retires a host.
    pub async fn retire(&mut self) -> anyhow::Result<()> {
        let live = self.tasks.pop().context("no task is in service")?;
        self.leave(live).await
    }

    /// Starts the missing tasks. They are in service when their targets are healthy.
    pub async fn refill(&mut self, definition: &TaskDefinition) -> anyhow::Result<()> {
        let missing = self.desired.saturating_sub(self.tasks.len());
        let new = self.start(missing, definition).await?;
        self.healthy(&new).await?;
        self.tasks.extend(new);
        Ok(())
    }

    async fn give_up(&mut self, tasks: Vec<Live>) -> anyhow::Result<()> {
        for mut live in tasks {
            self.balancer.deregister(&live.target).await?;
            self.balancer.forget(&live.target).await?;
            // A frozen process does not react to its signal until SIGKILL, so do not wait for it here.
            self.leaving
                .push(tokio::spawn(async move { (live.task.number, live.task.stop().await) }));
        }
        Ok(())
    }

    async fn register(&self, task: Task) -> anyhow::Result<Live> {
        let target = self.balancer.register(task.network.address, self.port).await?;
        Ok(Live { task, target })
    }

    /// Deregisters the task now and stops it after the delay, in the background.
    pub async fn leave(&mut self, live: Live) -> anyhow::Result<()> {
        self.balancer.deregister(&live.target).await?;
        let (balancer, delay) = (self.balancer.clone(), self.deregistration_delay);
        let mut hurry = self.hurry.subscribe();
        self.leaving.push(tokio::spawn(async move {
            let Live { mut task, target } = live;
            // After the delay, or when everything stops, no request is in flight.
            let _ = timeout(delay, hurry.wait_for(|hurry| *hurry)).await;
            let stopped = task.stop().await;
            // The slot becomes free for the next task only now, when no request can be in flight.
            let _ = balancer.forget(&target).await;
            (task.number, stopped)
        }));
        Ok(())
    }

    /// Waits for the tasks that were replaced before the last deployment. Returns how their containers ended.
    pub async fn left_so_far(&mut self) -> Vec<(u8, Vec<Stopped>)> {
        let last = self.leaving.len().saturating_sub(self.desired);
        let mut all = Vec::new();
        for leaving in self.leaving.drain(..last) {
            all.extend(leaving.await);
        }
        all
    }

    /// Stops everything now, without the rest of the deregistration delays.
    pub async fn stop(&mut self) -> Vec<(u8, Vec<Stopped>)> {
        self.hurry.send_replace(true);
        let mut stopping: Vec<_> = self.leaving.drain(..).collect();
        stopping.extend(self.tasks.drain(..).map(|mut live| {
            tokio::spawn(async move { (live.task.number, live.task.stop().await) })
        }));
        let mut all = Vec::new();
        for task in stopping {
            all.extend(task.await);
        }
        all
    }
}
