//! The things that a run of a job can see and use: its task, the tools of the process, and the signal to stop.

use super::resize_image::Resizer;
use crate::mail::{Mail, NotSent};
use crate::model::task::Task;
use crate::model::timestamp::Timestamp;
use crate::results::{Results, StorageError};
use crate::store::{Store, StoreError};
use chassis::clock::Clock;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use thiserror::Error;
use tokio::sync::watch;
use tokio::time::Instant;

/// Why a run ended without success. The owner of the task reads the text.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Unfinished {
    /// The work failed. A later attempt can succeed.
    #[error("{0}")]
    Failed(String),
    /// The run saw the signal to stop, and ended early.
    #[error("stopped")]
    Stopped,
}

/// The text of the database is for the operator, in the log.
impl From<StoreError> for Unfinished {
    fn from(error: StoreError) -> Self {
        tracing::warn!(error = &error as &dyn std::error::Error, "a job failed");
        Self::Failed("the database gave no result".into())
    }
}

impl From<StorageError> for Unfinished {
    fn from(error: StorageError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<NotSent> for Unfinished {
    fn from(error: NotSent) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Why a run must stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// The owner or an admin cancelled the task, or deleted its owner.
    Cancelled,
    /// The time limit of the type is over.
    TimedOut,
    /// The process stops.
    Drained,
    /// Another worker has the task.
    LeaseLost,
}

/// The tools of a process that runs jobs.
#[derive(Debug)]
pub struct Tools {
    /// The database.
    pub store: Arc<dyn Store>,
    /// The files that jobs make.
    pub results: Results,
    /// The processes that resize images.
    pub resizer: Resizer,
    /// The way of mails.
    pub mail: Mail,
    /// The time.
    pub clock: Clock,
}

/// One run of a job. A clone belongs to the same run.
#[derive(Debug, Clone)]
pub struct Context {
    /// The task, with its payload.
    pub task: Arc<Task>,
    /// The number of this run. A later run of the same task has a higher one.
    pub fence: i64,
    /// The tools of the process.
    pub tools: Arc<Tools>,
    deadline: Instant,
    stop: watch::Receiver<Option<Stop>>,
    progress: Arc<AtomicU64>,
}

impl Context {
    /// A run, and the sender of its signal to stop.
    #[must_use]
    pub fn new(
        task: Task,
        fence: i64,
        tools: Arc<Tools>,
        timeout: Duration,
    ) -> (Self, watch::Sender<Option<Stop>>) {
        let (sender, stop) = watch::channel(None);
        let deadline = Instant::now() + timeout;
        let progress = Arc::default();
        (Self { task: Arc::new(task), fence, tools, deadline, stop, progress }, sender)
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.tools.clock.now().into()
    }

    /// The moment at which the run must have ended.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Why the run must stop, if it must.
    #[must_use]
    pub fn stop(&self) -> Option<Stop> {
        *self.stop.borrow()
    }

    /// Ends the run if it must stop. A job calls it between two steps.
    pub fn go_on(&self) -> Result<(), Unfinished> {
        if self.stop().is_some() { Err(Unfinished::Stopped) } else { Ok(()) }
    }

    /// Waits until the run must stop.
    pub async fn stopped(&self) {
        let mut stop = self.stop.clone();
        if stop.wait_for(Option::is_some).await.is_err() {
            // Without a sender, nobody can stop the run.
            std::future::pending::<()>().await;
        }
    }

    /// Reports how many steps are done, for the log.
    pub fn report(&self, done: u64) {
        self.progress.store(done, Ordering::Relaxed);
    }

    /// The steps that the run has reported.
    #[must_use]
    pub fn progress(&self) -> u64 {
        self.progress.load(Ordering::Relaxed)
    }
}
