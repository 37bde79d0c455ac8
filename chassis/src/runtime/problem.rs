//! Problem details (RFC 9457): the format of every error response of a service.
//!
//! There are two kinds:
//!
//! * An error that a plain HTTP status describes has the type `about:blank`. Its title is the phrase of the status.
//! * An error of the service has its own type, `urn:NAME:problem:SLUG`, so that a program can distinguish two problems
//!   with one status. A service makes it with [`Problem::own`], usually in a `From` of its error type.
//!
//! The response and the log have separate texts. [`Problem::detail`] is for the caller and contains no internals.
//! [`Problem::cause`] is for the operator and is only logged.

use crate::answer::{Answer, Body, NO_STORE};
use crate::request_id::RequestId;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use hyper::{Response, StatusCode};
use serde::Serialize;
use std::borrow::Cow;
use std::time::Duration;

const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// The status of an error, from 400 to 599.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorStatus(StatusCode);

impl ErrorStatus {
    /// 400
    pub const BAD_REQUEST: Self = Self(StatusCode::BAD_REQUEST);
    /// 403
    pub const FORBIDDEN: Self = Self(StatusCode::FORBIDDEN);
    /// 404
    pub const NOT_FOUND: Self = Self(StatusCode::NOT_FOUND);
    /// 409
    pub const CONFLICT: Self = Self(StatusCode::CONFLICT);
    /// 410
    pub const GONE: Self = Self(StatusCode::GONE);
    /// 412
    pub const PRECONDITION_FAILED: Self = Self(StatusCode::PRECONDITION_FAILED);
    /// 422
    pub const UNPROCESSABLE_CONTENT: Self = Self(StatusCode::UNPROCESSABLE_ENTITY);
    /// 429
    pub const TOO_MANY_REQUESTS: Self = Self(StatusCode::TOO_MANY_REQUESTS);
    /// 503
    pub const SERVICE_UNAVAILABLE: Self = Self(StatusCode::SERVICE_UNAVAILABLE);

    /// As a status code, from 400 to 599.
    #[must_use]
    pub fn code(self) -> StatusCode {
        self.0
    }
}

/// An error response.
#[derive(Debug, PartialEq, Eq)]
pub struct Problem {
    status: ErrorStatus,
    /// The last part of the type, and the title; `None` for `about:blank`.
    own: Option<(&'static str, &'static str)>,
    detail: Cow<'static, str>,
    cause: Option<Cow<'static, str>>,
    header: Option<Box<(HeaderName, HeaderValue)>>,
}

#[derive(Serialize)]
struct Document<'a> {
    r#type: Cow<'static, str>,
    title: &'a str,
    status: u16,
    detail: &'a str,
    request_id: &'a str,
}

impl Problem {
    /// A problem of the service: the last part of its type, its title, and its detail for the caller.
    #[must_use]
    pub fn own(
        status: ErrorStatus,
        slug: &'static str,
        title: &'static str,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { own: Some((slug, title)), ..Self::plain(status, detail) }
    }

    /// A problem that the status describes.
    #[must_use]
    pub fn plain(status: ErrorStatus, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { status, own: None, detail: detail.into(), cause: None, header: None }
    }

    /// 422 `invalid-body`: the body is valid JSON, but not valid for the operation.
    #[must_use]
    pub fn invalid_body(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::own(ErrorStatus::UNPROCESSABLE_CONTENT, "invalid-body", "Invalid body", detail)
    }

    /// 500: the request failed in the service. The log contains `cause`.
    #[must_use]
    pub fn internal(cause: impl Into<Cow<'static, str>>) -> Self {
        let detail = "The request failed; the fault is not yours.";
        Self {
            cause: Some(cause.into()),
            ..Self::plain(ErrorStatus(StatusCode::INTERNAL_SERVER_ERROR), detail)
        }
    }

    /// 503: the service cannot accept the request now. The log contains `cause`.
    #[must_use]
    pub fn unavailable(
        detail: impl Into<Cow<'static, str>>,
        cause: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { cause: Some(cause.into()), ..Self::plain(ErrorStatus::SERVICE_UNAVAILABLE, detail) }
    }

    pub(crate) fn starting() -> Self {
        Self::unavailable(
            "The service is starting. Try again in a moment.",
            "the keys are not loaded yet",
        )
    }

    /// Has no cause, because a log line for each refused request would add load to a full process.
    pub(crate) fn no_connection() -> Self {
        let detail = "The service has no free connection. Try again in a moment.";
        Self {
            header: Some(Box::new((RETRY_AFTER, HeaderValue::from_static("1")))),
            ..Self::plain(ErrorStatus::SERVICE_UNAVAILABLE, detail)
        }
    }

    pub(crate) fn ambiguous_header(header: &str) -> Self {
        let detail = format!("The header {header} must be given at most once, as visible ASCII.");
        Self::plain(ErrorStatus::BAD_REQUEST, detail)
    }

    pub(crate) fn unauthorized(challenge: HeaderValue, detail: &'static str) -> Self {
        Self {
            header: Some(Box::new((WWW_AUTHENTICATE, challenge))),
            ..Self::plain(ErrorStatus(StatusCode::UNAUTHORIZED), detail)
        }
    }

    pub(crate) fn no_such_route() -> Self {
        Self::plain(ErrorStatus::NOT_FOUND, "There is no such route.")
    }

    pub(crate) fn method_not_allowed(allow: &HeaderValue) -> Self {
        let methods = allow.to_str().unwrap_or_default();
        let detail = format!("This route answers {methods} only.");
        Self {
            header: Some(Box::new((ALLOW, allow.clone()))),
            ..Self::plain(ErrorStatus(StatusCode::METHOD_NOT_ALLOWED), detail)
        }
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
        Self {
            cause: Some(cause.into()),
            ..Self::plain(
                ErrorStatus(StatusCode::GATEWAY_TIMEOUT),
                "The request took too long. It may or may not have been processed.",
            )
        }
    }

    /// The response's status, and the problem's `status`.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status.code()
    }

    /// The text for the caller.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The text for the operator. `None` if the caller caused the error.
    #[must_use]
    pub fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }

    /// The response of the service of this name, without the headers of every response.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "the expectation cannot fail")]
    pub fn response(&self, service: &str, request_id: &RequestId) -> Answer {
        let status = self.status();
        let (r#type, title) = match self.own {
            Some((slug, title)) => (Cow::from(format!("urn:{service}:problem:{slug}")), title),
            None => ("about:blank".into(), phrase(status)),
        };
        let document = Document {
            r#type,
            title,
            status: status.as_u16(),
            detail: &self.detail,
            request_id: request_id.as_str(),
        };
        let body = serde_json::to_vec(&document).expect("strings and a number always serialise");

        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, PROBLEM_JSON);
        headers.insert(CACHE_CONTROL, NO_STORE);
        if let Some((name, value)) = self.header.as_deref() {
            headers.insert(name, value.clone());
        }
        response
    }
}

/// The phrase of the status in RFC 9110. The library has an older one for 413.
fn phrase(status: StatusCode) -> &'static str {
    match status {
        StatusCode::PAYLOAD_TOO_LARGE => "Content Too Large",
        other => other.canonical_reason().unwrap_or_default(),
    }
}
