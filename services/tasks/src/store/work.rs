//! The work: claims, leases, runs and the queue.

use super::StoreError;
use crate::model::run::{Attempt, End, Run};
use crate::model::task::{Kind, Task, TaskId};
use crate::model::timestamp::Timestamp;
use async_trait::async_trait;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// The jobs that a worker wants.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The name of the worker.
    pub worker: String,
    /// The types that it can run.
    pub kinds: Vec<Kind>,
    /// The most runs of a type at once, in all processes. A type that is not here has no limit.
    pub limits: Vec<(Kind, u32)>,
    /// The most runs of one user at once, in all processes.
    pub per_user: u32,
    /// The time after which another worker may take the task, unless the lease is renewed.
    pub lease: Duration,
}

/// A task that was claimed.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// The task, with the fence of the new run.
    pub task: Task,
    /// The time from which it could have been claimed until now.
    pub waited: Duration,
}

/// A message to the worker of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// Somebody cancelled the task.
    Cancelled,
    /// The run has ended, its task is gone, or another worker has it.
    Lost,
}

/// The end of a run, as it is recorded.
#[derive(Debug, Clone)]
pub struct Ending {
    /// How it ended.
    pub end: End,
    /// The member of the payload that is removed when the task ends.
    pub volatile: Option<&'static str>,
}

/// The jobs of all users.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Queue {
    /// The counts of all types.
    #[serde(flatten)]
    pub all: Counts,
    /// The counts of each type that has jobs.
    pub by_type: BTreeMap<String, Counts>,
    /// The types that no worker claims.
    pub paused: Vec<String>,
}

/// Jobs by their state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Counts {
    /// All that wait.
    pub pending: u64,
    /// Those of them that are not due yet.
    pub scheduled: u64,
    /// Those that run.
    pub processing: u64,
    /// Those that have failed.
    pub failed: u64,
    /// The time since the oldest job that waits became due.
    pub oldest_pending_seconds: u64,
}

impl Queue {
    /// Adds the counts of a part of the jobs of a type.
    pub(super) fn add(&mut self, kind: String, part: Counts) {
        self.by_type.entry(kind).or_default().add(part);
        self.all.add(part);
    }
}

impl Counts {
    fn add(&mut self, part: Self) {
        self.pending += part.pending;
        self.scheduled += part.scheduled;
        self.processing += part.processing;
        self.failed += part.failed;
        self.oldest_pending_seconds = self.oldest_pending_seconds.max(part.oldest_pending_seconds);
    }
}

/// Claims and runs. All times are those of the database, so that processes with different clocks agree.
#[async_trait]
pub trait Work: Send + Sync {
    /// Claims the next task: of the user whose last claim is the oldest one, the due task with the first place.
    async fn claim(&self, wanted: Wanted) -> Result<Option<Claimed>, StoreError>;
    /// Renews the leases of runs.
    async fn renew(&self, runs: Vec<Run>, lease: Duration) -> Result<(), StoreError>;
    /// The runs that must stop.
    async fn notices(&self, runs: Vec<Run>) -> Result<Vec<(Run, Notice)>, StoreError>;
    /// Records the end of a run. `None` if the run is not the last one of its task, or has ended already: then nothing
    /// changes.
    async fn finish(&self, run: Run, ending: Ending) -> Result<Option<Task>, StoreError>;
    /// The runs of a worker that have not ended.
    async fn held(&self, worker: &str) -> Result<Vec<Run>, StoreError>;
    /// Runs whose lease is over.
    async fn expired(&self) -> Result<Vec<Run>, StoreError>;
    /// Records that the worker of a run is lost, if its lease is still over. `None` if it is not.
    async fn expire(&self, run: Run, ending: Ending) -> Result<Option<Task>, StoreError>;
    /// The runs of a task, the last one first.
    async fn attempts(&self, task: TaskId) -> Result<Vec<Attempt>, StoreError>;
    /// The jobs of all users.
    async fn queue(&self) -> Result<Queue, StoreError>;
    /// Pauses or resumes a type.
    async fn pause(&self, kind: Kind, paused: bool) -> Result<(), StoreError>;
    /// Begins failed tasks of a type again, in small parts. Returns the number of this part.
    async fn retry_failed(
        &self,
        kind: Kind,
        volatile: Option<&'static str>,
    ) -> Result<u64, StoreError>;
    /// Makes `holder` the leader for a duty, or keeps it so. `false` if another one is.
    async fn lead(&self, duty: &str, holder: &str, lease: Duration) -> Result<bool, StoreError>;
    /// The time of the database.
    async fn now(&self) -> Result<Timestamp, StoreError>;
}
