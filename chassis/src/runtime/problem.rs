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

mod log;
mod refusals;

pub(crate) use log::log;

use crate::answer::{Answer, Body, NO_STORE};
use crate::request_id::RequestId;
use hyper::header::{
    CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use hyper::{Response, StatusCode};
use serde::Serialize;
use std::borrow::Cow;
use std::time::Duration;

/// The limits that count a request (draft-ietf-httpapi-ratelimit-headers).
pub const RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// The remaining quota of a limit.
pub const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");

const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// The status of an error, from 400 to 599.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorStatus(StatusCode);

impl ErrorStatus {
    /// 400
    pub const BAD_REQUEST: Self = Self(StatusCode::BAD_REQUEST);
    /// 401; the response has the challenge of bearer tokens
    pub const UNAUTHORIZED: Self = Self(StatusCode::UNAUTHORIZED);
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

/// The type of a 429 from a rate limit (draft-ietf-httpapi-ratelimit-headers).
const QUOTA: &str = "https://iana.org/assignments/http-problem-types#quota-exceeded";

/// One of several errors in a body or in a query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The text for the caller.
    pub detail: Cow<'static, str>,
    /// A JSON pointer (RFC 6901) to the member of the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// The name of the query parameter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameter: Option<String>,
}

/// An error response.
#[derive(Debug, PartialEq, Eq)]
pub struct Problem {
    status: ErrorStatus,
    /// The last part of the type, and the title; `None` for `about:blank`.
    own: Option<(&'static str, &'static str)>,
    detail: Cow<'static, str>,
    /// On the heap, so that a result with a problem is cheap to move.
    more: Option<Box<More>>,
}

/// The parts that only some problems have.
#[derive(Debug, Default, PartialEq, Eq)]
struct More {
    cause: Option<Cow<'static, str>>,
    headers: Vec<(HeaderName, HeaderValue)>,
    errors: Vec<Fault>,
    /// The name of the rate limit that was exceeded.
    exceeded: Option<&'static str>,
}

#[derive(Serialize)]
struct Document<'a> {
    r#type: Cow<'static, str>,
    title: &'a str,
    status: u16,
    detail: &'a str,
    request_id: &'a str,
    #[serde(skip_serializing_if = "<[Fault]>::is_empty")]
    errors: &'a [Fault],
    #[serde(rename = "violated-policies", skip_serializing_if = "Option::is_none")]
    violated_policies: Option<[&'static str; 1]>,
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
        Self { status, own: None, detail: detail.into(), more: None }
    }

    /// 422 `invalid-body`: the body is valid JSON, but not valid for the operation.
    #[must_use]
    pub fn invalid_body(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::own(ErrorStatus::UNPROCESSABLE_CONTENT, "invalid-body", "Invalid body", detail)
    }

    /// 422 `invalid-body` or `invalid-query` with all of its errors.
    #[must_use]
    pub fn with_errors(mut self, errors: Vec<Fault>) -> Self {
        self.more().errors = errors;
        self
    }

    /// Adds a header to the response.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: impl Into<HeaderValue>) -> Self {
        self.more().headers.push((name, value.into()));
        self
    }

    /// Adds a cause for the log.
    #[must_use]
    pub fn with_cause(mut self, cause: impl Into<Cow<'static, str>>) -> Self {
        self.more().cause = Some(cause.into());
        self
    }

    /// Adds `Retry-After` in seconds, at least 1.
    #[must_use]
    pub fn retry_after(self, wait: Duration) -> Self {
        let seconds = wait.as_millis().div_ceil(1000).max(1);
        self.with_header(RETRY_AFTER, u64::try_from(seconds).unwrap_or(u64::MAX))
    }

    /// 429 of a rate limit of the service. `policy` is its name, and the response has `RateLimit-Policy`, `RateLimit`
    /// and `Retry-After`. The limit admits `quota` requests in each `window`.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "the expectation cannot fail")]
    pub fn quota_exceeded(
        policy: &'static str,
        quota: u64,
        window: Duration,
        wait: Duration,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        let seconds = wait.as_millis().div_ceil(1000).max(1);
        let value = |text: String| {
            HeaderValue::try_from(text).expect("a name and numbers are visible ASCII")
        };
        let mut problem = Self::plain(ErrorStatus::TOO_MANY_REQUESTS, detail);
        problem.more().exceeded = Some(policy);
        problem
            .retry_after(wait)
            .with_header(RATELIMIT, value(format!("\"{policy}\";r=0;t={seconds}")))
            .with_header(
                RATELIMIT_POLICY,
                value(format!("\"{policy}\";q={quota};w={}", window.as_secs())),
            )
    }

    /// 500: the request failed in the service. The log contains `cause`.
    #[must_use]
    pub fn internal(cause: impl Into<Cow<'static, str>>) -> Self {
        let detail = "The request failed; the fault is not yours.";
        Self::plain(ErrorStatus(StatusCode::INTERNAL_SERVER_ERROR), detail).with_cause(cause)
    }

    /// 503: the service cannot accept the request now. The log contains `cause`.
    #[must_use]
    pub fn unavailable(
        detail: impl Into<Cow<'static, str>>,
        cause: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::plain(ErrorStatus::SERVICE_UNAVAILABLE, detail).with_cause(cause)
    }

    fn more(&mut self) -> &mut More {
        self.more.get_or_insert_default()
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
        self.more.as_ref()?.cause.as_deref()
    }

    /// The response of the service of this name, without the headers of every response.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "the expectation cannot fail")]
    pub fn response(&self, service: &str, request_id: &RequestId) -> Answer {
        let status = self.status();
        let nothing = More::default();
        let more = self.more.as_deref().unwrap_or(&nothing);
        let (r#type, title) = match self.own {
            _ if more.exceeded.is_some() => (QUOTA.into(), phrase(status)),
            Some((slug, title)) => (Cow::from(format!("urn:{service}:problem:{slug}")), title),
            None => ("about:blank".into(), phrase(status)),
        };
        let document = Document {
            r#type,
            title,
            status: status.as_u16(),
            detail: &self.detail,
            request_id: request_id.as_str(),
            errors: &more.errors,
            violated_policies: more.exceeded.map(|policy| [policy]),
        };
        let body = serde_json::to_vec(&document).expect("strings and a number always serialise");

        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, PROBLEM_JSON);
        headers.insert(CACHE_CONTROL, NO_STORE);
        for (name, value) in &more.headers {
            headers.insert(name, value.clone());
        }
        if status == StatusCode::UNAUTHORIZED && !headers.contains_key(WWW_AUTHENTICATE) {
            let challenge = HeaderValue::try_from(format!("Bearer realm=\"{service}\""));
            headers.insert(WWW_AUTHENTICATE, challenge.expect("a service's name is visible ASCII"));
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
