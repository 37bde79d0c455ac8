//! What a service gives the chassis: its document, its operations, and what each of them does.

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

/// How much of a parser's message a caller is told, in characters.
const LONGEST_MESSAGE: usize = 160;

/// What a caller is told of a body that was not understood. The message may repeat the name of a member, which is as
/// long as the caller likes.
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
    /// The operations that it implements: those of its document without the probes and the description.
    type Operation: fmt::Debug + Copy + Send + Sync + 'static;

    /// Its OpenAPI document.
    const DOCUMENT: &'static str;
    /// What is running.
    const BUILD: Build;

    /// The operation of an `operationId`. The process does not start when the document has one that is `None` here.
    fn operation(id: &str) -> Option<Self::Operation>;

    /// Answers a request that has passed every check of the document.
    fn call(
        &self,
        operation: Self::Operation,
        request: Request<'_>,
    ) -> impl Future<Output = Result<Answer, Problem>> + Send;
}

/// What is running, for the log and the metrics.
#[derive(Debug, Clone, Copy)]
pub struct Build {
    /// The version of the package.
    pub version: &'static str,
    /// The commit that was built, where the build says so.
    pub revision: Option<&'static str>,
    /// The crate whose events are the service's own.
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

/// A request as an operation sees it.
#[derive(Debug)]
pub struct Request<'a> {
    /// Its path and its query, as they were sent.
    pub uri: &'a Uri,
    /// The template of the path.
    pub template: &'a Template,
    /// What the bearer token says, where the operation requires one.
    pub token: Option<Box<Claims>>,
    pub(crate) head: &'a HeaderMap,
    pub(crate) declared: &'a Declared,
    /// The id that ties its log lines together.
    pub id: &'a RequestId,
    /// The whole body; empty where the operation takes none.
    pub body: Bytes,
}

/// The header and cookie parameters that the document declares for an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared {
    headers: Vec<HeaderName>,
    cookies: Vec<String>,
}

impl Declared {
    /// Those of an operation.
    pub(crate) fn new(operation: &Operation) -> Self {
        let header = |name: &String| HeaderName::try_from(name.as_str()).ok();
        Self {
            headers: operation.headers.iter().filter_map(header).collect(),
            cookies: operation.cookies.clone(),
        }
    }
}

/// The document is the list of what an operation may read: any other header and cookie is `None`, whatever a caller
/// sends. So no header that the sidecar would have removed changes what an operation does.
impl<'a> Request<'a> {
    /// A header parameter of the operation. It is a problem when it is given more than once: the reader of the first
    /// and the reader of the last value would not agree.
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

    /// A cookie parameter of the operation: the first of this name (RFC 6265, section 5.4: the most specific).
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

    /// The body, a JSON object. It is 400 when it is no JSON, and 422 `invalid-body` when it is other JSON.
    pub fn object<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        // serde would take the values of an array for those of the members.
        if self.body.trim_ascii_start().starts_with(b"{") {
            return serde_json::from_slice(&self.body).map_err(|error| refused(&error));
        }
        let not_json = serde_json::from_slice::<IgnoredAny>(&self.body).err();
        Err(not_json.map_or_else(
            || Problem::invalid_body("The body must be an object."),
            |error| refused(&error),
        ))
    }

    /// A parameter of the path, as it was sent.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&'a str> {
        self.template.parameter(name, self.uri.path())
    }
}
