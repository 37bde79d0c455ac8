//! The states of a task: which action leads from which state to which.

use super::task::{Status, Summary};
use super::timestamp::Timestamp;

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

    /// It is pending again, with all of its attempts.
    pub fn retry(&mut self) -> Result<(), Conflict> {
        if !matches!(self.status, Status::Failed | Status::Cancelled) {
            return Err(Conflict::NotRetryable);
        }
        self.status = Status::Pending;
        self.attempts = 0;
        self.error = None;
        self.cancel_requested_at = None;
        self.started_at = None;
        self.finished_at = None;
        Ok(())
    }

    /// Whether it may be deleted.
    pub fn delete(&self) -> Result<(), Conflict> {
        if self.status == Status::Processing { Err(Conflict::IsProcessing) } else { Ok(()) }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::model::task::{Kind, MAX_ATTEMPTS, Priority, TaskId};
    use crate::model::user::UserId;
    use uuid::Uuid;

    pub(in crate::model) const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
    const LATER: Timestamp = Timestamp::from_millis(1_800_000_001_000);

    pub(in crate::model) fn task(kind: Kind, status: Status) -> Summary {
        Summary {
            id: TaskId(Uuid::nil()),
            user_id: UserId(Uuid::nil()),
            assignee_id: None,
            kind,
            title: Some("a".into()),
            description: None,
            priority: Priority::Normal,
            status,
            error: Some("no".into()),
            has_result: false,
            attempts: 5,
            max_attempts: MAX_ATTEMPTS,
            run_at: None,
            cancel_requested_at: None,
            created_at: NOW,
            updated_at: NOW,
            started_at: Some(NOW),
            finished_at: status.has_ended().then_some(NOW),
            version: 1,
        }
    }

    /// The rows: an action, and its result for each status in the order of [`Status::ALL`].
    #[test]
    fn state_decides_what_may_be_done() {
        use Conflict::{HasEnded, IsJob, IsProcessing, NotRetryable};
        use Status::{Cancelled, Completed, Pending, Processing};
        type Action = fn(&mut Summary) -> Result<(), Conflict>;
        type Row = (Kind, Action, [Result<Status, Conflict>; 5]);
        let ended = [Err(HasEnded), Err(HasEnded), Err(HasEnded)];
        let [one, two, three] = ended;
        let rows: [Row; 5] = [
            (
                Kind::MANUAL,
                |task| task.complete(LATER),
                [Ok(Completed), Ok(Completed), one, two, three],
            ),
            (Kind::new("send_email"), |task| task.complete(LATER), [Err(IsJob); 5]),
            (
                Kind::new("send_email"),
                |task| task.cancel(LATER),
                [Ok(Cancelled), Ok(Processing), one, two, three],
            ),
            (
                Kind::MANUAL,
                Summary::retry,
                [Err(NotRetryable), Err(NotRetryable), Err(NotRetryable), Ok(Pending), Ok(Pending)],
            ),
            (
                Kind::new("send_email"),
                |task| task.delete(),
                [Ok(Pending), Err(IsProcessing), Ok(Completed), Ok(Status::Failed), Ok(Cancelled)],
            ),
        ];
        for (row, (kind, action, expected)) in rows.into_iter().enumerate() {
            for (&status, expected) in Status::ALL.iter().zip(expected) {
                let mut task = task(kind.clone(), status);
                let result = action(&mut task).map(|()| task.status);
                assert_eq!(result, expected, "row {row}, {status:?}");
            }
        }
    }

    #[test]
    fn retry_gives_a_task_all_attempts_again() {
        let mut task = task(Kind::new("send_email"), Status::Failed);
        task.retry().unwrap();
        assert_eq!((task.attempts, task.error, task.finished_at), (0, None, None));
    }

    #[test]
    fn running_job_is_asked_to_stop_once() {
        let mut task = task(Kind::new("send_email"), Status::Processing);
        task.cancel(NOW).unwrap();
        task.cancel(LATER).unwrap();
        assert_eq!((task.status, task.cancel_requested_at), (Status::Processing, Some(NOW)));
    }
}
