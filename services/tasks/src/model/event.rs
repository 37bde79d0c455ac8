//! Events: what a user gets to know about the changes of a task.
//!
//! Each visible change of a task is one event for its owner, and one for its assignee. The events of a user have the numbers
//! 1, 2, 3 and so on, in the order of their commits.

use super::task::{Status, Summary, TaskId};
use super::user::UserId;

named! {
    /// The meaning of an event.
    Kind {
        /// The task is new or has changed.
        Task = "task",
        /// The user no longer sees the task.
        Removed = "removed",
    }
}

/// An event without its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Note {
    /// The user that gets it.
    pub user: UserId,
    /// The task.
    pub task: TaskId,
    /// The version after the change, or the last one that the user saw.
    pub version: i64,
    /// The state of this version.
    pub status: Status,
    /// Its meaning.
    pub kind: Kind,
}

/// An event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// Its number among those of its user.
    pub number: i64,
    /// The rest.
    pub note: Note,
}

impl Note {
    /// Whether its user may get it, now that the task has this owner and assignee. `None` if the task is deleted.
    #[must_use]
    pub fn may_be_sent(&self, now: Option<(UserId, Option<UserId>)>) -> bool {
        let sees = |(owner, assignee)| owner == self.user || assignee == Some(self.user);
        self.kind == Kind::Removed || now.is_some_and(sees)
    }
}

/// The events of a change. `None` is a task that does not exist before, or after.
#[must_use]
pub fn notes(from: Option<&Summary>, to: Option<&Summary>) -> Vec<Note> {
    let note = |user, kind, task: &Summary| {
        let Summary { id, version, status, .. } = *task;
        Note { user, task: id, version, status, kind }
    };
    let mut notes = Vec::with_capacity(2);
    if let Some(to) = to {
        notes.extend(viewers(to).map(|user| note(user, Kind::Task, to)));
    }
    if let Some(from) = from {
        let stays = |user: &UserId| to.is_some_and(|to| viewers(to).any(|one| one == *user));
        let gone = viewers(from).filter(|user| !stays(user));
        notes.extend(gone.map(|user| note(user, Kind::Removed, from)));
    }
    notes
}

fn viewers(task: &Summary) -> impl Iterator<Item = UserId> {
    let assignee = task.assignee_id.filter(|assignee| *assignee != task.user_id);
    [task.user_id].into_iter().chain(assignee)
}

/// The events of a user that exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Numbers {
    /// The last one.
    pub last: i64,
    /// This one and all earlier ones are no longer stored.
    pub removed_up_to: i64,
}

impl Numbers {
    /// Whether all events after this number are stored. If not, a reader has missed some, or comes from another database.
    #[must_use]
    pub fn continue_after(self, number: i64) -> bool {
        (self.removed_up_to..=self.last).contains(&number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::task::{Kind as TaskKind, Task};
    use crate::model::timestamp::Timestamp;
    use uuid::Uuid;

    const ADA: UserId = UserId(Uuid::from_u128(1));
    const BOB: UserId = UserId(Uuid::from_u128(2));
    const EVE: UserId = UserId(Uuid::from_u128(3));

    fn task(assignee_id: Option<UserId>, version: i64) -> Summary {
        let (id, now) = (TaskId(Uuid::from_u128(9)), Timestamp::from_millis(0));
        let summary = Task::new(id, ADA, TaskKind::MANUAL, now).summary;
        Summary { assignee_id, version, ..summary }
    }

    #[test]
    fn each_viewer_gets_one_event_of_a_change() {
        use Kind::{Removed, Task};
        let (alone, own) = (task(None, 1), task(Some(ADA), 1));
        let (with_bob, with_eve) = (task(Some(BOB), 2), task(Some(EVE), 3));
        for (from, to, expected) in [
            (None, Some(&alone), &[(ADA, Task, 1)][..]),
            (None, Some(&own), &[(ADA, Task, 1)]),
            (None, Some(&with_bob), &[(ADA, Task, 2), (BOB, Task, 2)]),
            (Some(&alone), Some(&with_bob), &[(ADA, Task, 2), (BOB, Task, 2)]),
            (
                Some(&with_bob),
                Some(&with_eve),
                &[(ADA, Task, 3), (EVE, Task, 3), (BOB, Removed, 2)],
            ),
            (Some(&with_bob), None, &[(ADA, Removed, 2), (BOB, Removed, 2)]),
            (Some(&own), None, &[(ADA, Removed, 1)]),
        ] {
            let notes = notes(from, to);
            let found: Vec<_> = notes.iter().map(|one| (one.user, one.kind, one.version)).collect();
            assert_eq!(found, expected, "{from:?} to {to:?}");
        }
    }

    #[test]
    fn event_is_only_for_a_user_who_sees_the_task_now() {
        let [change, removal] = [(None, task(None, 1)), (Some(task(None, 1)), task(Some(BOB), 2))]
            .map(|(from, to)| notes(from.as_ref(), Some(&to))[0]);
        assert!(change.may_be_sent(Some((ADA, None))));
        assert!(change.may_be_sent(Some((BOB, Some(ADA)))));
        assert!(!change.may_be_sent(Some((BOB, Some(EVE)))));
        assert!(!change.may_be_sent(None));
        assert!(Note { kind: Kind::Removed, ..removal }.may_be_sent(None));
    }

    #[test]
    fn reader_continues_only_within_the_stored_events() {
        let numbers = Numbers { last: 9, removed_up_to: 4 };
        let found = [3, 4, 5, 9, 10].map(|number| numbers.continue_after(number));
        assert_eq!(found, [false, true, true, true, false]);
        assert!(Numbers::default().continue_after(0));
    }
}
