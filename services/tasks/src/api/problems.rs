//! The problem of each refusal.

use crate::access::{Denied, Policy};
use crate::store::StoreError;
use chassis::problem::{ErrorStatus, Problem};
use std::time::Duration;

/// The time after which a busy or disturbed service may answer again.
const SOON: Duration = Duration::from_secs(1);

/// The problem of a refusal, under the rules of an operator.
pub(super) fn problem(denied: Denied, policy: &Policy) -> Problem {
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
        Denied::BucketEmpty(wait) => {
            let (quota, window) = policy.bucket.refill();
            let detail = format!(
                "Over the limit of the user: {} requests at once, then {quota} in {} s.",
                policy.bucket.tokens(),
                window.as_secs()
            );
            Problem::quota_exceeded("user", quota, window, wait, detail)
        }
        Denied::Busy => Problem::plain(
            ErrorStatus::SERVICE_UNAVAILABLE,
            "Too many passwords are being checked. Try again in a moment.",
        )
        .retry_after(SOON),
        Denied::Store(error @ StoreError::Away(_)) => Problem::unavailable(
            "The database does not answer. Try again in a moment.",
            error.to_string(),
        )
        .retry_after(SOON),
        Denied::Store(error @ StoreError::Failed(_)) => Problem::internal(error.to_string()),
        Denied::Internal(cause) => Problem::internal(cause),
    }
}
