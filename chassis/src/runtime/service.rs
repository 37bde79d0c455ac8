//! The interface that a service implements: its document, its operations and their code.

use crate::answer::Answer;
use crate::bearer::Claims;
use crate::document::{Operation, Template};
use crate::problem::{ErrorStatus, Problem};
use crate::request_id::RequestId;
use bytes::Bytes;
use hyper::Uri;
use hyper::header::{COOKIE, HeaderMap, HeaderName, HeaderValue};
use serde::de::{DeserializeOwned, IgnoredAny};
use std::fmt;
use std::future::Future;

/// Longest part of a parser's message in a response, in characters.
const LONGEST_MESSAGE: usize = 160;

/// The response to an invalid body. The message is cut, because it can contain the name of a member, which can have
/// any length.
fn refused(error: &serde_json::Error) -> Problem {
    let message: String = error.to_string().chars().take(LONGEST_MESSAGE).collect();
    if error.is_data() {
        Problem::invalid_body(format!("The body is not what this operation takes: {message}."))
    } else {
        Problem::plain(ErrorStatus::BAD_REQUEST, format!("The body is not JSON: {message}."))
    }
}

/// A service on the chassis.
pub trait Service: Send + Sync + Sized + 'static {
    /// The operations that it implements: all of its document except the probes and `/openapi.json`.
    type Operation: fmt::Debug + Copy + Send + Sync + 'static;

    /// Its OpenAPI document.
    const DOCUMENT: &'static str;
    /// The version and revision that run.
    const BUILD: Build;

    /// The operation of an `operationId`. The process does not start if this returns `None` for one in the document.
    fn operation(id: &str) -> Option<Self::Operation>;

    /// Answers a request that has passed every check of the document.
    fn call(
        &self,
        operation: Self::Operation,
        request: Request<'_>,
    ) -> impl Future<Output = Result<Answer, Problem>> + Send;
}

/// The version and revision that run, for the log and the metrics.
#[derive(Debug, Clone, Copy)]
pub struct Build {
    /// The version of the package.
    pub version: &'static str,
    /// The commit that was built, if the build sets it.
    pub revision: Option<&'static str>,
    /// The crate that logs the service's own events.
    pub log_target: &'static str,
}

/// The [`Build`] of the crate that calls it: the package's version, the crate's name as the log target, and the
/// revision from the environment variable `SERVICE_REVISION` of the compiler.
#[macro_export]
macro_rules! build {
    () => {
        $crate::Build {
            version: ::core::env!("CARGO_PKG_VERSION"),
            revision: ::core::option_env!("SERVICE_REVISION"),
            log_target: ::core::env!("CARGO_CRATE_NAME"),
        }
    };
}

/// A request to an operation.
#[derive(Debug)]
pub struct Request<'a> {
    /// Its undecoded path and query.
    pub uri: &'a Uri,
    /// The template of the path.
    pub template: &'a Template,
    /// The claims of the bearer token, if the operation requires one.
    pub token: Option<Box<Claims>>,
    pub(crate) head: &'a HeaderMap,
    pub(crate) declared: &'a Declared,
    /// The id that connects its log lines.
    pub id: &'a RequestId,
    /// The whole body. Empty if the operation takes none.
    pub body: Bytes,
}

/// The header and cookie parameters that the document declares for an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared {
    headers: Vec<HeaderName>,
    cookies: Vec<String>,
}

impl Declared {
    /// The parameters of an operation.
    pub(crate) fn new(operation: &Operation) -> Self {
        let header = |name: &String| HeaderName::try_from(name.as_str()).ok();
        Self {
            headers: operation.headers.iter().filter_map(header).collect(),
            cookies: operation.cookies.clone(),
        }
    }
}

/// An operation can read only the headers and cookies that the document declares. Any other one is `None`, even if a
/// caller sends it. So a header that the sidecar removes cannot change the result of an operation.
impl<'a> Request<'a> {
    /// A header parameter of the operation. A header that is given more than once is an error, because one program can
    /// use its first value and another program its last value.
    pub fn header(&self, name: &str) -> Result<Option<&'a str>, Problem> {
        let declared = &self.declared.headers;
        let Some(declared) =
            declared.iter().find(|known| known.as_str().eq_ignore_ascii_case(name))
        else {
            return Ok(None);
        };
        let mut values = self.head.get_all(declared).iter();
        match (values.next().map(HeaderValue::to_str), values.next()) {
            (None, _) => Ok(None),
            (Some(Ok(value)), None) => Ok(Some(value)),
            _ => Err(Problem::ambiguous_header(name)),
        }
    }

    /// A cookie parameter of the operation. The first cookie of this name is the most specific one (RFC 6265, section
    /// 5.4).
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<&'a str> {
        if !self.declared.cookies.iter().any(|known| known == name) {
            return None;
        }
        let lines = self.head.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
        lines
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find_map(|(known, value)| (known == name).then_some(value))
    }

    /// The body, a JSON object. Returns 400 if it is not JSON, and 422 `invalid-body` for any other JSON.
    pub fn object<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        // serde would read the values of an array as the values of the members.
        if self.body.trim_ascii_start().starts_with(b"{") {
            return serde_json::from_slice(&self.body).map_err(|error| refused(&error));
        }
        let not_json = serde_json::from_slice::<IgnoredAny>(&self.body).err();
        Err(not_json.map_or_else(
            || Problem::invalid_body("The body must be an object."),
            |error| refused(&error),
        ))
    }

    /// An undecoded parameter of the path.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&'a str> {
        self.template.parameter(name, self.uri.path())
    }
}
