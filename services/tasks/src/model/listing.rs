//! Lists of tasks: which tasks, in which order, and which part of them.

use super::task::{Kind, Priority, Status, Summary, TaskId};
use super::user::UserId;

/// The tasks of a page, unless the caller chooses another number.
pub const PER_PAGE: u32 = 20;
/// The number at which the count of all tasks stops.
pub const TOTAL_MAX: u64 = 10_000;

/// Whose tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Those that a user owns, and those that are assigned to the user.
    Visible(UserId),
    /// Those that a user owns.
    Owned(UserId),
    /// Those of all users.
    All,
}

/// Which of these tasks. An empty list admits every value.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// In one of these states.
    pub statuses: Vec<Status>,
    /// Of one of these types.
    pub kinds: Vec<Kind>,
    /// With one of these priorities.
    pub priorities: Vec<Priority>,
    /// Assigned to this user.
    pub assignee: Option<UserId>,
    /// With this text in the title or the description, in [`folded`] form.
    pub text: Option<String>,
}

named! {
    /// The member that decides the order.
    By {
        /// The time of creation.
        CreatedAt = "created_at",
        /// The time of the last change.
        UpdatedAt = "updated_at",
        /// The priority.
        Priority = "priority",
    }
}

/// The order. Tasks with the same value are in the order of their creation, in the same direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    /// The member.
    pub by: By,
    /// The largest value first.
    pub descending: bool,
}

impl Order {
    /// Reads `created_at` or `-created_at`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let name = text.strip_prefix('-');
        let by = By::parse(name.unwrap_or(text))?;
        Some(Self { by, descending: name.is_some() })
    }
}

/// Where the part begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// At a page, from 1. The cost grows with the number of the page.
    Page(u32),
    /// After a task, in the order of creation. The cost does not grow.
    After(TaskId),
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// Whose tasks.
    pub scope: Scope,
    /// Which of them.
    pub filter: Filter,
    /// In which order.
    pub order: Order,
    /// The beginning of the part.
    pub start: Start,
    /// The most tasks of the part.
    pub per_page: u32,
    /// All types of tasks, for a filter that does not choose some.
    pub kinds: Vec<Kind>,
}

/// The result of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The tasks of the part.
    pub tasks: Vec<Summary>,
    /// Whether more tasks follow.
    pub has_more: bool,
    /// The number of all tasks; [`TOTAL_MAX`] + 1 if there are more. `None` for a part after a task.
    pub total: Option<u64>,
}

/// The form in which texts are compared: without case.
#[must_use]
pub fn folded(text: &str) -> String {
    text.to_lowercase()
}

/// The text of a task that a search reads.
#[must_use]
pub fn searchable(title: Option<&str>, description: Option<&str>) -> String {
    folded(&[title.unwrap_or_default(), description.unwrap_or_default()].join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_read_with_its_direction() {
        let order = |by, descending| Some(Order { by, descending });
        for (text, expected) in [
            ("created_at", order(By::CreatedAt, false)),
            ("-created_at", order(By::CreatedAt, true)),
            ("-priority", order(By::Priority, true)),
            ("updated_at", order(By::UpdatedAt, false)),
            ("--priority", None),
            ("title", None),
            ("", None),
        ] {
            assert_eq!(Order::parse(text), expected, "{text}");
        }
    }
}
