//! The problem of each refusal.

use crate::access::Denied;
use crate::model::state::Conflict;
use crate::model::usage::Exceeded;
use crate::store::StoreError;
use chassis::problem::{ErrorStatus, Fault, Problem};
use chassis::validation::{fault, invalid};
use std::fmt::Display;
use std::time::Duration;

/// The time after which a busy or disturbed service may answer again.
const SOON: Duration = Duration::from_secs(1);
/// The time after which a user may have fewer tasks.
const LATER: Duration = Duration::from_mins(1);

impl From<Denied> for Problem {
    fn from(denied: Denied) -> Self {
        problem(denied)
    }
}

fn problem(denied: Denied) -> Problem {
    match denied {
        Denied::WrongCredentials => {
            Problem::plain(ErrorStatus::UNAUTHORIZED, "The name or the password is wrong.")
        }
        Denied::NoSession => Problem::plain(
            ErrorStatus::UNAUTHORIZED,
            "The session of the token has ended. Log in again.",
        ),
        Denied::WrongPassword => Problem::own(
            ErrorStatus::FORBIDDEN,
            "wrong-password",
            "Wrong password",
            "The current password is wrong.",
        ),
        Denied::RegistrationClosed => Problem::own(
            ErrorStatus::FORBIDDEN,
            "registration-closed",
            "Registration closed",
            "Only an operator creates users here.",
        ),
        Denied::NameTaken => Problem::own(
            ErrorStatus::CONFLICT,
            "name-taken",
            "Name taken",
            "Another user has this name.",
        ),
        Denied::TooManyFailedLogins(wait) => Problem::own(
            ErrorStatus::TOO_MANY_REQUESTS,
            "too-many-failed-logins",
            "Too many failed logins",
            "Too many logins failed for this name. Open sessions stay open.",
        )
        .retry_after(wait),
        Denied::TooManyRegistrations(wait) => Problem::own(
            ErrorStatus::TOO_MANY_REQUESTS,
            "too-many-registrations",
            "Too many registrations",
            "Too many users were registered from this address.",
        )
        .retry_after(wait),
        Denied::BucketEmpty(preset, wait) => {
            let (quota, window) = preset.refill();
            let detail = format!(
                "Over the limit of the user: {} requests at once, then {quota} in {} s.",
                preset.tokens(),
                window.as_secs()
            );
            Problem::quota_exceeded("user", quota, window, wait, detail)
        }
        Denied::Busy => Problem::plain(
            ErrorStatus::SERVICE_UNAVAILABLE,
            "Too many passwords are being checked. Try again in a moment.",
        )
        .retry_after(SOON),
        Denied::NoTask => missing("There is no such task."),
        Denied::NoType => missing("There is no such type of jobs."),
        Denied::NoResult => missing("The task has no result."),
        Denied::NoUser => missing("There is no such user."),
        Denied::Forbidden => plain(ErrorStatus::FORBIDDEN, "You may not do this."),
        Denied::Conflict(conflict) => conflicting(conflict),
        Denied::NoAssignee => invalid(vec![no_assignee()]),
        Denied::Exceeded(bound) => exceeded(bound),
        Denied::KeyInFlight => Problem::own(
            ErrorStatus::CONFLICT,
            "key-in-flight",
            "Key in flight",
            "The first request with this Idempotency-Key is not answered yet.",
        ),
        Denied::KeyOtherBody => Problem::own(
            ErrorStatus::UNPROCESSABLE_CONTENT,
            "key-reused",
            "Key reused",
            "This Idempotency-Key was used with another body.",
        ),
        Denied::KeyDeleted => plain(
            ErrorStatus::GONE,
            "The task that was created with this Idempotency-Key is deleted.",
        ),
        Denied::SearchRunning => Problem::own(
            ErrorStatus::TOO_MANY_REQUESTS,
            "search-running",
            "Search running",
            "Another search of yours is not answered yet.",
        )
        .retry_after(SOON),
        Denied::Storage(error) => away("The storage of results", &error),
        Denied::Store(error @ StoreError::Away(_)) => away("The database", &error),
        Denied::Store(StoreError::TooSlow) => Problem::own(
            ErrorStatus::SERVICE_UNAVAILABLE,
            "search-too-slow",
            "Search too slow",
            "The search took longer than a second. Search in fewer tasks: add `status`, `type` or `priority`.",
        )
        .retry_after(SOON),
        Denied::Store(error @ StoreError::Failed(_)) => Problem::internal(error.to_string()),
        Denied::Internal(cause) => Problem::internal(cause),
    }
}

/// The error of an assignee that does not exist.
pub(super) fn no_assignee() -> Fault {
    fault("/assignee_id", "is not the id of a user")
}

fn missing(detail: &'static str) -> Problem {
    plain(ErrorStatus::NOT_FOUND, detail)
}

/// A dependency does not answer now.
fn away(name: &str, cause: &impl Display) -> Problem {
    let detail = format!("{name} does not answer. Try again in a moment.");
    Problem::unavailable(detail, cause.to_string()).retry_after(SOON)
}

fn plain(status: ErrorStatus, detail: &'static str) -> Problem {
    Problem::plain(status, detail)
}

fn conflicting(conflict: Conflict) -> Problem {
    let (slug, title, detail) = match conflict {
        Conflict::IsJob => ("is-job", "Job", "Only a worker completes a job."),
        Conflict::HasEnded => ("has-ended", "Task ended", "The task has ended."),
        Conflict::PayloadGone => (
            "payload-gone",
            "Payload gone",
            "The image of the task was removed when it ended. Create a new task.",
        ),
        Conflict::NotRetryable => (
            "not-retryable",
            "Not retryable",
            "Only a task that failed or was cancelled can be retried.",
        ),
        Conflict::IsProcessing => {
            ("is-processing", "Task processing", "A worker runs the task. Cancel it first.")
        }
        Conflict::IsNotPending => (
            "is-not-pending",
            "Task not pending",
            "Only a pending task can get another payload or another time.",
        ),
    };
    Problem::own(ErrorStatus::CONFLICT, slug, title, detail)
}

fn exceeded(bound: Exceeded) -> Problem {
    let (slug, title, detail) = match bound {
        Exceeded::Tasks => {
            ("too-many-tasks", "Too many tasks", "You have the most tasks that a user may have.")
        }
        Exceeded::Pending => (
            "too-many-pending",
            "Too many pending jobs",
            "You have the most waiting jobs that a user may have.",
        ),
        Exceeded::Bytes => (
            "too-many-bytes",
            "Too many bytes",
            "The payloads and results of your tasks take the most space that a user may take.",
        ),
    };
    Problem::own(ErrorStatus::TOO_MANY_REQUESTS, slug, title, detail).retry_after(LATER)
}
