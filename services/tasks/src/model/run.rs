//! The runs of a job: what a worker's claim and the end of a run change in the task.
//!
//! A run has a fence: a number that each claim of the task raises. Only the run with the last fence may end the task.

use super::result::ResultFile;
use super::task::{Status, Task, TaskId};
use super::timestamp::Timestamp;
use super::user::UserId;
use serde::Serialize;
use std::time::Duration;

/// The crashes that make a task fail: it probably causes them.
pub const CRASHES_MAX: u16 = 3;
/// The pause after the first failed run. Each further one doubles it.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause between two runs.
const LONGEST_PAUSE: Duration = Duration::from_mins(10);
/// The most characters of all errors of a task together.
const ERRORS_LENGTH: usize = 4000;

/// The part of a task that only workers change.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Runs {
    /// The fence of the last run.
    pub fence: i64,
    /// The runs whose worker crashed.
    pub crashes: u16,
    /// The file that the task made.
    pub result: Option<ResultFile>,
}

/// One run of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Run {
    /// The task.
    pub task: TaskId,
    /// Its owner.
    pub owner: UserId,
    /// The number of the run.
    pub fence: i64,
}

named! {
    /// How a run ended.
    Outcome {
        /// The job is done.
        Completed = "completed",
        /// The job failed.
        Failed = "failed",
        /// It stopped because the task was cancelled.
        Cancelled = "cancelled",
        /// Its process stopped and gave the task back.
        HandedBack = "handed_back",
        /// Its worker crashed, or did not renew its lease in time.
        Lost = "lost",
    }
}

/// The end of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// See [`Outcome::Completed`]. With the file that the job made.
    Completed(Option<ResultFile>),
    /// See [`Outcome::Failed`]. With a text for the owner, and the pause before the next run.
    Failed(String, Duration),
    /// See [`Outcome::Cancelled`].
    Cancelled,
    /// See [`Outcome::HandedBack`].
    HandedBack,
    /// See [`Outcome::Lost`].
    Lost,
}

/// A run, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Attempt {
    /// The worker.
    pub worker: String,
    /// The time of the claim.
    #[serde(rename = "started_at")]
    pub started: Timestamp,
    /// The time of the end.
    #[serde(rename = "ended_at")]
    pub ended: Option<Timestamp>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// Why it failed.
    pub error: Option<String>,
}

impl End {
    /// Its kind.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Completed(_) => Outcome::Completed,
            Self::Failed(..) => Outcome::Failed,
            Self::Cancelled => Outcome::Cancelled,
            Self::HandedBack => Outcome::HandedBack,
            Self::Lost => Outcome::Lost,
        }
    }

    /// The text for the owner.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        if let Self::Failed(text, _) = self { Some(text) } else { None }
    }
}

/// The pause after a number of failed runs: exponential, with full jitter.
#[must_use]
pub fn pause(failed: u16, random: f64) -> Duration {
    let doubled = 1_u32.checked_shl(failed.saturating_sub(1).into()).unwrap_or(u32::MAX);
    FIRST_PAUSE.saturating_mul(doubled).min(LONGEST_PAUSE).mul_f64(random.clamp(0.0, 1.0))
}

impl Task {
    /// The last run.
    #[must_use]
    pub fn run(&self) -> Run {
        Run { task: self.summary.id, owner: self.summary.user_id, fence: self.runs.fence }
    }

    /// The time from which a worker may run it.
    #[must_use]
    pub fn due(&self) -> Timestamp {
        self.summary.run_at.unwrap_or(self.summary.created_at)
    }

    /// The time since which it waits for a worker: since it was due, or was put back.
    #[must_use]
    pub fn waits_since(&self) -> Timestamp {
        if self.runs.fence == 0 { self.due() } else { self.due().max(self.summary.updated_at) }
    }

    /// A worker begins a run.
    pub fn begin(&mut self, now: Timestamp) {
        self.summary.status = Status::Processing;
        self.summary.attempts += 1;
        self.summary.started_at.get_or_insert(now);
        self.runs.fence += 1;
        self.touch(now);
    }

    /// The last run ends. A success is recorded even if somebody asked the job to stop: the work is done.
    pub fn finish(&mut self, end: End, now: Timestamp) {
        let cancelled = self.summary.cancel_requested_at.is_some();
        match end {
            End::Completed(result) => {
                self.runs.result = result;
                self.summary.has_result = self.runs.result.is_some();
                self.summary.error = None;
                self.close(Status::Completed, now);
            }
            End::Failed(text, pause) => {
                self.note(&text);
                if cancelled {
                    self.close(Status::Cancelled, now);
                } else if self.summary.attempts >= self.summary.max_attempts {
                    self.close(Status::Failed, now);
                } else {
                    self.summary.status = Status::Pending;
                    self.summary.run_at = Some(now.after(pause));
                }
            }
            End::Cancelled => self.close(Status::Cancelled, now),
            End::HandedBack => self.put_back(now),
            End::Lost => {
                self.runs.crashes += 1;
                if !cancelled && self.runs.crashes >= CRASHES_MAX {
                    self.summary.attempts = self.summary.attempts.saturating_sub(1);
                    self.note("The worker stopped unexpectedly three times.");
                    self.close(Status::Failed, now);
                } else {
                    self.put_back(now);
                }
            }
        }
        self.touch(now);
    }

    /// Takes its file away. Returns the key.
    pub fn remove_result(&mut self, now: Timestamp) -> Option<String> {
        let file = self.runs.result.take()?;
        self.summary.has_result = false;
        self.touch(now);
        Some(file.key)
    }

    /// Pending again: the run does not count.
    fn put_back(&mut self, now: Timestamp) {
        self.summary.attempts = self.summary.attempts.saturating_sub(1);
        if self.summary.cancel_requested_at.is_some() {
            self.close(Status::Cancelled, now);
        } else {
            self.summary.status = Status::Pending;
        }
    }

    fn close(&mut self, status: Status, now: Timestamp) {
        self.summary.status = status;
        self.summary.finished_at = Some(now);
    }

    /// Adds a line to the errors. The first lines stay if there are too many.
    fn note(&mut self, text: &str) {
        let error = self.summary.error.get_or_insert_default();
        let line = format!("{}{text}", if error.is_empty() { "" } else { "\n" });
        let room = ERRORS_LENGTH.saturating_sub(error.chars().count());
        error.extend(line.chars().take(room));
    }

    /// A visible change.
    pub fn touch(&mut self, now: Timestamp) {
        self.summary.version += 1;
        self.summary.updated_at = now.max(self.summary.updated_at);
    }
}
