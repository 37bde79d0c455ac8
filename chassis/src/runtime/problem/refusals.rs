//! The problems of the chassis itself: a request that it refuses before the service sees it.

use super::{ErrorStatus, Problem};
use hyper::StatusCode;
use hyper::header::{ALLOW, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use std::time::Duration;

impl Problem {
    pub(crate) fn starting() -> Self {
        Self::unavailable(
            "The service is starting. Try again in a moment.",
            "the keys are not loaded yet",
        )
    }

    /// Has no cause, because a log line for each refused request would add load to a full process.
    pub(crate) fn no_connection() -> Self {
        let detail = "The service has no free connection. Try again in a moment.";
        Self::plain(ErrorStatus::SERVICE_UNAVAILABLE, detail)
            .with_header(RETRY_AFTER, HeaderValue::from_static("1"))
    }

    pub(crate) fn ambiguous_header(header: &str) -> Self {
        let detail = format!("The header {header} must be given at most once, as visible ASCII.");
        Self::plain(ErrorStatus::BAD_REQUEST, detail)
    }

    pub(crate) fn unauthorized(challenge: HeaderValue, detail: &'static str) -> Self {
        Self::plain(ErrorStatus::UNAUTHORIZED, detail).with_header(WWW_AUTHENTICATE, challenge)
    }

    pub(crate) fn no_such_route() -> Self {
        Self::plain(ErrorStatus::NOT_FOUND, "There is no such route.")
    }

    pub(crate) fn method_not_allowed(allow: &HeaderValue) -> Self {
        let methods = allow.to_str().unwrap_or_default();
        let detail = format!("This route answers {methods} only.");
        Self::plain(ErrorStatus(StatusCode::METHOD_NOT_ALLOWED), detail)
            .with_header(ALLOW, allow.clone())
    }

    pub(crate) fn broken_body() -> Self {
        Self::plain(ErrorStatus::BAD_REQUEST, "The body could not be read to its end.")
    }

    pub(crate) fn request_timeout() -> Self {
        Self::plain(ErrorStatus(StatusCode::REQUEST_TIMEOUT), "The body did not arrive in time.")
    }

    pub(crate) fn content_too_large(max: u64) -> Self {
        let detail = match max {
            0 => "This operation takes no body.".to_owned(),
            max => format!("The body must be at most {max} bytes."),
        };
        Self::plain(ErrorStatus(StatusCode::PAYLOAD_TOO_LARGE), detail)
    }

    pub(crate) fn unsupported_media_type(expected: &str) -> Self {
        let detail = format!("The body must be sent as {expected}.");
        Self::plain(ErrorStatus(StatusCode::UNSUPPORTED_MEDIA_TYPE), detail)
    }

    pub(crate) fn deadline(deadline: Duration) -> Self {
        let cause = format!("no response within {}", humantime::format_duration(deadline));
        Self::plain(
            ErrorStatus(StatusCode::GATEWAY_TIMEOUT),
            "The request took too long. It may or may not have been processed.",
        )
        .with_cause(cause)
    }
}
