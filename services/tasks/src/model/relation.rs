//! The rights of users on a task.

use super::task::Summary;
use super::user::{Role, User};

/// An action on one task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// Read it.
    Read,
    /// Change its members.
    Edit,
    /// Delete it.
    Delete,
    /// Say that it is done.
    Complete,
    /// Take it from its assignee.
    Unassign,
    /// Stop it.
    Cancel,
    /// Begin it again.
    Retry,
}

/// The relation of a user to a task. A user can be several of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Relation {
    owner: bool,
    assignee: bool,
    admin: bool,
}

impl Right {
    /// Whether a user has this right on a task.
    #[must_use]
    pub fn is_held(self, user: &User, task: &Summary) -> bool {
        let relation = Relation {
            owner: task.user_id == user.id,
            assignee: task.assignee_id == Some(user.id),
            admin: user.role == Role::Admin,
        };
        match self {
            Self::Read => relation.owner || relation.assignee || relation.admin,
            Self::Edit | Self::Delete => relation.owner,
            Self::Complete => relation.owner || relation.assignee && !task.kind.is_job(),
            Self::Unassign => relation.owner || relation.assignee,
            Self::Cancel | Self::Retry => relation.owner || relation.admin,
        }
    }
}
