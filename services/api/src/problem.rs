//! Problem details (RFC 9457): the one shape of every error that leaves the API.
//!
//! Two kinds. What plain HTTP already has a status for is `about:blank`, and its title is the status's own
//! phrase. What is particular to `/sum` has a type of its own, `urn:sum-api:problem:SLUG`, so that a
//! program can tell "`a` is missing" from "`a` is a string" without reading English. docs/problems.md lists
//! them all.
//!
//! What the caller reads and what the log says are two things: [`Problem::detail`] helps the caller and gives
//! nothing away, [`Problem::cause`] is for the operator and never leaves.

use crate::request_id::RequestId;
use crate::sum::SumError;
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use hyper::{Response, StatusCode};
use serde::Serialize;
use std::borrow::Cow;

const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
/// The challenge of every 401 (RFC 9110, section 11.6.1). The scheme has no registered name.
const CHALLENGE: HeaderValue = HeaderValue::from_static("ApiKey realm=\"sum-api\"");

/// Why a request is not answered as asked.
#[derive(Debug)]
pub enum Problem {
    /// The body has no sum.
    Sum(SumError),
    /// The body broke off, or its framing is broken.
    BrokenBody,
    /// No key, more than one, or an unknown one: all alike.
    Unauthorized,
    /// No such route.
    NotFound,
    /// The route has other methods: these.
    MethodNotAllowed(&'static str),
    /// The body did not come in time.
    RequestTimeout,
    /// The body is longer than allowed.
    ContentTooLarge,
    /// The body is not declared as JSON.
    UnsupportedMediaType,
    /// A handler panicked, with this message.
    Internal(String),
    /// The keys are not loaded yet.
    Starting,
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
    /// The response's status, and the problem's `status`.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Sum(SumError::Syntax(_)) | Self::BrokenBody => StatusCode::BAD_REQUEST,
            Self::Sum(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::ContentTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Starting => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The last part of the type and the title, for the problems that are our own.
    fn own_kind(&self) -> Option<(&'static str, &'static str)> {
        let Self::Sum(error) = self else { return None };
        Some(match error {
            SumError::Syntax(_) => ("invalid-json", "Invalid JSON"),
            SumError::NotAnObject => ("not-an-object", "Not an object"),
            SumError::Missing(_) => ("missing-member", "Missing member"),
            SumError::Unknown(_) => ("unknown-member", "Unknown member"),
            SumError::Duplicate(_) => ("duplicate-member", "Duplicate member"),
            SumError::NotANumber(_) => ("not-a-number", "Not a number"),
            SumError::OutOfRange(..) => ("out-of-range", "Number out of range"),
        })
    }

    /// What the caller is told.
    #[must_use]
    pub fn detail(&self) -> Cow<'static, str> {
        match self {
            Self::Sum(error) => error.to_string().into(),
            Self::BrokenBody => "The body could not be read to its end.".into(),
            Self::Unauthorized => "Exactly one valid key is needed in X-Api-Key.".into(),
            Self::NotFound => "There is no such route.".into(),
            Self::MethodNotAllowed(allow) => format!("This route answers {allow} only.").into(),
            Self::RequestTimeout => "The body did not arrive in time.".into(),
            Self::ContentTooLarge => "The body must be at most 4096 bytes.".into(),
            Self::UnsupportedMediaType => "The body must be sent as application/json.".into(),
            Self::Internal(_) => "The request failed; the fault is not yours.".into(),
            Self::Starting => "The service is starting. Try again in a moment.".into(),
        }
    }

    /// What the operator is told; `None` when the caller is at fault.
    #[must_use]
    pub fn cause(&self) -> Option<&str> {
        match self {
            Self::Internal(cause) => Some(cause),
            Self::Starting => Some("the keys are not loaded yet"),
            _ => None,
        }
    }

    /// The response, without what every response carries.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "the expectation cannot fail")]
    pub fn response(&self, request_id: &RequestId) -> Response<Full<Bytes>> {
        let status = self.status();
        let (r#type, title) = match self.own_kind() {
            Some((slug, title)) => (Cow::from(format!("urn:sum-api:problem:{slug}")), title),
            None => ("about:blank".into(), phrase(status)),
        };
        let document = Document {
            r#type,
            title,
            status: status.as_u16(),
            detail: &self.detail(),
            request_id: request_id.as_str(),
        };
        let body = serde_json::to_vec(&document).expect("strings and a number always serialise");

        let mut response = Response::new(Full::from(body));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, PROBLEM_JSON);
        headers.insert(CACHE_CONTROL, NO_STORE);
        match self {
            Self::Unauthorized => {
                headers.insert(WWW_AUTHENTICATE, CHALLENGE);
            }
            Self::MethodNotAllowed(allow) => {
                headers.insert(ALLOW, HeaderValue::from_static(allow));
            }
            _ => {}
        }
        response
    }
}

/// The status's phrase as RFC 9110 has it; the library still has an older one for 413.
fn phrase(status: StatusCode) -> &'static str {
    match status {
        StatusCode::PAYLOAD_TOO_LARGE => "Content Too Large",
        other => other.canonical_reason().unwrap_or_default(),
    }
}
