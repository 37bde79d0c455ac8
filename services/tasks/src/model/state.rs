//! The states of a task: which action leads from which state to which.

use super::task::{Status, Summary, Task};
use super::timestamp::Timestamp;
use serde_json::Value;

/// Why a task cannot be changed in its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conflict {
    /// Only a worker completes a job.
    IsJob,
    /// It has ended.
    HasEnded,
    /// It has not ended without success, so there is nothing to retry.
    NotRetryable,
    /// A worker runs it.
    IsProcessing,
    /// Its payload was removed at its end.
    PayloadGone,
    /// A worker has begun it, so its payload and its time are final.
    IsNotPending,
}

impl Summary {
    /// A person has done it.
    pub fn complete(&mut self, now: Timestamp) -> Result<(), Conflict> {
        if self.kind.is_job() {
            return Err(Conflict::IsJob);
        }
        self.end(Status::Completed, now)
    }

    /// It is no longer needed. A running job is only asked to stop.
    pub fn cancel(&mut self, now: Timestamp) -> Result<(), Conflict> {
        if self.status == Status::Processing {
            self.cancel_requested_at.get_or_insert(now);
            return Ok(());
        }
        self.end(Status::Cancelled, now)
    }

    fn end(&mut self, status: Status, now: Timestamp) -> Result<(), Conflict> {
        if self.status.has_ended() {
            return Err(Conflict::HasEnded);
        }
        self.status = status;
        self.finished_at = Some(now);
        Ok(())
    }

    /// Whether it may be deleted.
    pub fn delete(&self) -> Result<(), Conflict> {
        if self.status == Status::Processing { Err(Conflict::IsProcessing) } else { Ok(()) }
    }
}

impl Task {
    /// It is pending again, with all of its attempts. `volatile` is the member of the payload that is removed at the end.
    pub fn retry(&mut self, volatile: Option<&str>) -> Result<(), Conflict> {
        if !matches!(self.summary.status, Status::Failed | Status::Cancelled) {
            return Err(Conflict::NotRetryable);
        }
        let payload = self.payload.as_ref();
        if volatile
            .is_some_and(|member| payload.is_none_or(|payload| payload.get(member).is_none()))
        {
            return Err(Conflict::PayloadGone);
        }
        self.summary.status = Status::Pending;
        self.summary.attempts = 0;
        self.summary.error = None;
        self.summary.cancel_requested_at = None;
        self.summary.started_at = None;
        self.summary.finished_at = None;
        self.runs.crashes = 0;
        Ok(())
    }

    /// Removes a member of the payload if the task has ended.
    pub fn forget(&mut self, volatile: Option<&str>) {
        if let (true, Some(member)) = (self.summary.status.has_ended(), volatile)
            && let Some(Value::Object(payload)) = &mut self.payload
        {
            payload.remove(member);
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::model::run::Runs;
    use crate::model::task::{Kind, Origin, TaskId};
    use crate::model::user::UserId;
    use serde_json::json;
    use uuid::Uuid;

    pub(in crate::model) const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
    const LATER: Timestamp = Timestamp::from_millis(1_800_000_001_000);

    pub(in crate::model) fn task(kind: Kind, status: Status) -> Summary {
        let (id, owner) = (TaskId(Uuid::nil()), UserId(Uuid::nil()));
        Summary {
            title: Some("a".into()),
            status,
            error: Some("no".into()),
            attempts: 5,
            started_at: Some(NOW),
            finished_at: status.has_ended().then_some(NOW),
            ..Task::new(id, owner, kind, NOW).summary
        }
    }

    pub(in crate::model) fn whole(kind: Kind, status: Status) -> Task {
        Task {
            summary: task(kind, status),
            payload: None,
            runs: Runs::default(),
            origin: Origin::default(),
        }
    }

    /// The rows: an action, and its result for each status in the order of [`Status::ALL`].
    #[test]
    fn state_decides_what_may_be_done() {
        use Conflict::{HasEnded, IsJob, IsProcessing, NotRetryable};
        use Status::{Cancelled, Completed, Pending, Processing};
        type Action = fn(&mut Task) -> Result<(), Conflict>;
        type Row = (Kind, Action, [Result<Status, Conflict>; 5]);
        let ended = [Err(HasEnded), Err(HasEnded), Err(HasEnded)];
        let [one, two, three] = ended;
        let rows: [Row; 5] = [
            (
                Kind::MANUAL,
                |task| task.summary.complete(LATER),
                [Ok(Completed), Ok(Completed), one, two, three],
            ),
            (Kind::new("send_email"), |task| task.summary.complete(LATER), [Err(IsJob); 5]),
            (
                Kind::new("send_email"),
                |task| task.summary.cancel(LATER),
                [Ok(Cancelled), Ok(Processing), one, two, three],
            ),
            (
                Kind::MANUAL,
                |task| task.retry(None),
                [Err(NotRetryable), Err(NotRetryable), Err(NotRetryable), Ok(Pending), Ok(Pending)],
            ),
            (
                Kind::new("send_email"),
                |task| task.summary.delete(),
                [Ok(Pending), Err(IsProcessing), Ok(Completed), Ok(Status::Failed), Ok(Cancelled)],
            ),
        ];
        for (row, (kind, action, expected)) in rows.into_iter().enumerate() {
            for (&status, expected) in Status::ALL.iter().zip(expected) {
                let mut task = whole(kind.clone(), status);
                let result = action(&mut task).map(|()| task.summary.status);
                assert_eq!(result, expected, "row {row}, {status:?}");
            }
        }
    }

    #[test]
    fn retry_gives_a_task_all_attempts_again() {
        let mut task = whole(Kind::new("send_email"), Status::Failed);
        task.runs.crashes = 2;
        task.retry(None).unwrap();
        let Task { summary, runs, .. } = task;
        assert_eq!((summary.attempts, summary.error, summary.finished_at), (0, None, None));
        assert_eq!(runs.crashes, 0);
    }

    #[test]
    fn task_whose_payload_is_gone_is_not_retried() {
        let mut task = whole(Kind::new("resize_image"), Status::Failed);
        task.payload = Some(json!({ "image": "", "width": 1 }));
        task.clone().retry(Some("image")).unwrap();
        task.forget(Some("image"));
        assert_eq!(task.payload, Some(json!({ "width": 1 })));
        assert_eq!(task.retry(Some("image")), Err(Conflict::PayloadGone));
    }

    #[test]
    fn running_job_is_asked_to_stop_once() {
        let mut task = task(Kind::new("send_email"), Status::Processing);
        task.cancel(NOW).unwrap();
        task.cancel(LATER).unwrap();
        assert_eq!((task.status, task.cancel_requested_at), (Status::Processing, Some(NOW)));
    }
}
