//! Messages about jobs.

use super::task::TaskId;
use super::user::UserId;
use uuid::Uuid;

/// The content of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hint {
    /// The task that became a job to claim.
    pub task: TaskId,
    /// Its owner, for brokers that are fair among groups.
    pub user: UserId,
}

impl Hint {
    /// The text of a message: `TASK USER`.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{} {}", self.task.0, self.user.0)
    }

    /// Reads a message. `None` if this service has not written it.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let (task, user) = text.split_once(' ')?;
        let id = |text: &str| Uuid::try_parse(text).ok();
        Some(Self { task: TaskId(id(task)?), user: UserId(id(user)?) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_is_read_as_it_was_written() {
        let hint = Hint { task: TaskId(Uuid::from_u128(1)), user: UserId(Uuid::from_u128(2)) };
        assert_eq!(Hint::read(&hint.text()), Some(hint));
        for other in ["", " ", "1 2", "{}", &hint.text()[1..], &format!("{} 3", hint.text())] {
            assert_eq!(Hint::read(other), None, "{other}");
        }
    }
}
