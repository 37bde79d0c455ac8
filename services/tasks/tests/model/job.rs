//! A job of the model: the part of a task that decides how it goes on.

use std::time::Duration;
use tasks::model::result::ResultFile;
use tasks::model::run::{End, Runs};
use tasks::model::task::{Kind, Status, Task, TaskId};
use tasks::model::timestamp::Timestamp;
use tasks::model::user::UserId;
use uuid::Uuid;

/// The time of the model. Leases and pauses are either over or not.
const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
const PAUSE: Duration = Duration::from_secs(1);

/// A job, and the counts that its state is compared with.
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are independent, like the members of a task"
)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Job {
    pub(crate) owner: u8,
    /// Its owner has created it.
    pub(crate) exists: bool,
    pub(crate) status: Status,
    pub(crate) attempts: u16,
    pub(crate) max_attempts: u16,
    pub(crate) crashes: u16,
    pub(crate) fence: u8,
    pub(crate) is_cancelled: bool,
    pub(crate) is_finished: bool,
    /// It is not due yet.
    pub(crate) waits: bool,
    /// The fence in the name of its file.
    pub(crate) result: Option<u8>,
    /// Its ends with success.
    pub(crate) successes: u8,
    /// Its failed runs since its creation or its last retry.
    pub(crate) failures: u16,
    /// Its lost runs since then.
    pub(crate) losses: u16,
}

/// How a run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Ending {
    Success,
    Failure,
    Cancelled,
    HandedBack,
    Lost,
}

impl Job {
    pub(crate) fn new(owner: u8, max_attempts: u16, exists: bool) -> Self {
        Self {
            owner,
            exists,
            status: Status::Pending,
            attempts: 0,
            max_attempts,
            crashes: 0,
            fence: 0,
            is_cancelled: false,
            is_finished: false,
            waits: false,
            result: None,
            successes: 0,
            failures: 0,
            losses: 0,
        }
    }

    /// The task that the rules of the service apply to.
    fn task(&self) -> Task {
        let (id, owner) = (TaskId(Uuid::nil()), UserId(Uuid::nil()));
        let mut task = Task::new(id, owner, Kind::new("job"), NOW);
        task.summary.status = self.status;
        task.summary.attempts = self.attempts;
        task.summary.max_attempts = self.max_attempts;
        task.summary.run_at = self.waits.then(|| NOW.after(PAUSE));
        task.summary.cancel_requested_at = self.is_cancelled.then_some(NOW);
        task.summary.finished_at = self.is_finished.then_some(NOW);
        let (fence, result) = (self.fence.into(), self.result.map(file));
        task.runs = Runs { fence, crashes: self.crashes, result };
        task
    }

    /// Changes it as the service changes a task.
    fn change<T>(&mut self, change: impl FnOnce(&mut Task) -> T) -> T {
        let mut task = self.task();
        let changed = change(&mut task);
        self.status = task.summary.status;
        self.attempts = task.summary.attempts;
        self.waits = task.due() > NOW;
        self.is_cancelled = task.summary.cancel_requested_at.is_some();
        self.is_finished = task.summary.finished_at.is_some();
        self.fence = u8::try_from(task.runs.fence).unwrap();
        self.crashes = task.runs.crashes;
        self.result = task.runs.result.map(|file| file.key.parse().unwrap());
        changed
    }

    pub(crate) fn is_pending(&self) -> bool {
        self.exists && self.task().is_pending_job()
    }

    pub(crate) fn is_due(&self) -> bool {
        self.is_pending() && !self.waits
    }

    pub(crate) fn is_processing(&self) -> bool {
        self.status == Status::Processing
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.status.has_ended()
    }

    pub(crate) fn begin(&mut self) {
        self.change(|task| task.begin(NOW));
    }

    pub(crate) fn finish(&mut self, result: Ending) {
        self.successes += u8::from(result == Ending::Success);
        self.failures += u16::from(result == Ending::Failure);
        self.losses += u16::from(result == Ending::Lost);
        let end = match result {
            Ending::Success => End::Completed(Some(file(self.fence))),
            Ending::Failure => End::Failed("no".into(), PAUSE),
            Ending::Cancelled => End::Cancelled,
            Ending::HandedBack => End::HandedBack,
            Ending::Lost => End::Lost,
        };
        self.change(|task| task.finish(end, NOW));
    }

    /// Forgets the counts that nothing reads any more.
    pub(crate) fn forget(&mut self, may_be_retried: bool) {
        if self.status == Status::Completed || (self.has_ended() && !may_be_retried) {
            (self.attempts, self.crashes, self.failures, self.losses) = (0, 0, 0, 0);
            (self.is_cancelled, self.waits) = (false, false);
        }
    }

    /// `false` if it cannot be cancelled, or was before.
    pub(crate) fn cancel(&mut self) -> bool {
        let before = *self;
        self.change(|task| task.summary.cancel(NOW)).is_ok() && *self != before
    }

    /// `false` if it has not failed and was not cancelled.
    pub(crate) fn retry(&mut self) -> bool {
        let is_retried = self.change(|task| task.retry(None)).is_ok();
        if is_retried {
            (self.failures, self.losses) = (0, 0);
        }
        is_retried
    }
}

fn file(fence: u8) -> ResultFile {
    ResultFile { key: fence.to_string(), media_type: "text/csv".into(), bytes: 1 }
}
