//! Tasks: a to-do of a person, or a job of a worker.

use super::run::Runs;
use super::timestamp::Timestamp;
use super::user::UserId;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::borrow::Cow;
use std::fmt;
use uuid::Uuid;

/// The attempts of a job, unless its creator chooses another number.
pub const MAX_ATTEMPTS: u16 = 5;

/// The id of a task, a `UUIDv7` of the time of its creation. So ids sort by that time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct TaskId(pub Uuid);

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The name of a type: who completes the task, and the form of its payload.
///
/// Every name is accepted here, so that a list can show a task that a newer release created. [`crate::jobs`] has the types
/// that this release knows.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Kind(Cow<'static, str>);

impl Kind {
    /// A person completes it.
    pub const MANUAL: Self = Self::new("manual");

    /// A type.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// A type that was read.
    #[must_use]
    pub const fn read(name: String) -> Self {
        Self(Cow::Owned(name))
    }

    /// As stored and as shown.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A worker runs it.
    #[must_use]
    pub fn is_job(&self) -> bool {
        *self != Self::MANUAL
    }
}

named! {
    /// The priority of a task.
    Priority {
        /// After all others.
        Low = "low",
        /// The default.
        Normal = "normal",
        /// Before the normal ones.
        High = "high",
        /// Before all others.
        Urgent = "urgent",
    }
}

impl Priority {
    /// Its place in the order of priorities.
    #[must_use]
    pub const fn rank(self) -> i16 {
        self as i16
    }

    /// The priority at a place in the order.
    #[must_use]
    pub fn at(rank: i16) -> Option<Self> {
        Self::ALL.iter().copied().find(|priority| priority.rank() == rank)
    }
}

named! {
    /// The state of a task.
    Status {
        /// A person or a worker has not begun it.
        Pending = "pending",
        /// A worker runs it.
        Processing = "processing",
        /// It is done.
        Completed = "completed",
        /// A worker has used all attempts.
        Failed = "failed",
        /// Its owner or an admin has ended it.
        Cancelled = "cancelled",
    }
}

impl Status {
    /// No worker and no person does more for it.
    #[must_use]
    pub fn has_ended(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }
}

/// A task without its payload, with the members of a response.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// The id.
    pub id: TaskId,
    /// The user that it belongs to.
    pub user_id: UserId,
    /// The user that also sees it and may complete it.
    pub assignee_id: Option<UserId>,
    /// The type.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// One line about it.
    pub title: Option<String>,
    /// More about it.
    pub description: Option<String>,
    /// The priority.
    pub priority: Priority,
    /// The state.
    pub status: Status,
    /// Why it failed.
    pub error: Option<String>,
    /// Whether it has a file.
    pub has_result: bool,
    /// How often a worker has run it.
    pub attempts: u16,
    /// How often a worker may run it.
    pub max_attempts: u16,
    /// The time from which a worker may run it.
    pub run_at: Option<Timestamp>,
    /// The time at which somebody asked a running job to stop.
    pub cancel_requested_at: Option<Timestamp>,
    /// The time of its creation.
    pub created_at: Timestamp,
    /// The time of its last change.
    pub updated_at: Timestamp,
    /// The time of its first run.
    pub started_at: Option<Timestamp>,
    /// The time at which it ended.
    pub finished_at: Option<Timestamp>,
    /// The number of its changes, for `ETag`.
    #[serde(skip)]
    pub version: i64,
}

/// The request that created a task. It is in the log lines of the runs.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Origin {
    /// Its id.
    pub request_id: Option<String>,
    /// Its trace at AWS.
    pub amzn_trace_id: Option<String>,
    /// Its trace, as in W3C Trace Context.
    pub traceparent: Option<String>,
}

/// A whole task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Task {
    /// Everything but the payload.
    #[serde(flatten)]
    pub summary: Summary,
    /// The input of a job.
    pub payload: Option<Value>,
    /// The members that only workers change.
    #[serde(skip)]
    pub runs: Runs,
    /// The request that created it.
    #[serde(skip)]
    pub origin: Origin,
}

impl Task {
    /// A new pending task. Its creator sets the members that have no default.
    #[must_use]
    pub fn new(id: TaskId, owner: UserId, kind: Kind, now: Timestamp) -> Self {
        let summary = Summary {
            id,
            user_id: owner,
            assignee_id: None,
            kind,
            title: None,
            description: None,
            priority: Priority::Normal,
            status: Status::Pending,
            error: None,
            has_result: false,
            attempts: 0,
            max_attempts: MAX_ATTEMPTS,
            run_at: None,
            cancel_requested_at: None,
            created_at: now,
            updated_at: now,
            started_at: None,
            finished_at: None,
            version: 1,
        };
        Self { summary, payload: None, runs: Runs::default(), origin: Origin::default() }
    }

    /// The bytes of its payload and its result, which count for the limit of its owner.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let payload = self.payload.as_ref().map_or(0, |payload| payload.to_string().len() as u64);
        payload + self.runs.result.as_ref().map_or(0, |result| result.bytes)
    }

    /// Whether it waits for a worker.
    #[must_use]
    pub fn is_pending_job(&self) -> bool {
        self.summary.kind.is_job() && self.summary.status == Status::Pending
    }
}
