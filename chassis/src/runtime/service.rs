//! The interface that a service implements: its document, its operations and their code.

use crate::answer::{Answer, NO_STORE};
use crate::bearer::Claims;
use crate::document::{Operation, Template};
use crate::failure::Failure;
use crate::problem::{ErrorStatus, Problem};
use crate::request_id::{Origin, RequestId};
use bytes::Bytes;
use hyper::Uri;
use hyper::header::{COOKIE, HeaderMap, HeaderName, HeaderValue};
use hyper::http::Extensions;
use serde::de::{DeserializeOwned, IgnoredAny};
use std::fmt;
use std::future::Future;
use std::net::IpAddr;

/// Longest part of a parser's message in a response, in characters.
const LONGEST_MESSAGE: usize = 160;

/// The response to an invalid body. The message is cut, because it can contain the name of a member, which can have
/// any length.
pub(crate) fn refused(error: &serde_json::Error) -> Problem {
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

    /// Waits until the service can answer, such as for its database. `/readyz` answers 503 until then. A failure ends
    /// the process.
    fn prepare(&self) -> impl Future<Output = Result<(), Failure>> + Send {
        async { Ok(()) }
    }

    /// The stop signal has arrived. Requests can still follow.
    fn drain(&self) {}

    /// Ends what [`Service::prepare`] began, after the last request.
    fn close(&self) -> impl Future<Output = ()> + Send {
        async {}
    }

    /// Checks the user of a valid token, before the body of the request is read: the session, the user's own limits.
    /// It leaves its results in `visit` for [`Request::extensions`].
    fn admit(
        &self,
        _operation: Self::Operation,
        _visit: &mut Visit<'_>,
    ) -> impl Future<Output = Result<(), Problem>> + Send {
        async { Ok(()) }
    }

    /// `Cache-Control` of the problems of an operation, also of those that the chassis finds. The service sets that of
    /// its other responses itself.
    fn caching(_operation: Self::Operation) -> HeaderValue {
        NO_STORE
    }

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

/// A request with a valid token, whose body is not read yet.
#[derive(Debug)]
pub struct Visit<'a> {
    /// The claims of the token.
    pub token: &'a Claims,
    /// The id that connects its log lines.
    pub id: &'a RequestId,
    /// Its undecoded path and query.
    pub uri: &'a Uri,
    /// The address of the caller: see [`Request::address`].
    pub address: Option<IpAddr>,
    /// Values for the operation.
    pub extensions: &'a mut Extensions,
}

/// A request to an operation.
#[derive(Debug)]
pub struct Request<'a> {
    /// The `operationId` of its operation.
    pub operation: &'a str,
    /// Its undecoded path and query.
    pub uri: &'a Uri,
    /// The template of the path.
    pub template: &'a Template,
    /// The claims of the bearer token, if the operation requires one.
    pub token: Option<Box<Claims>>,
    /// The values that [`Service::admit`] left.
    pub extensions: Extensions,
    pub(crate) head: &'a HeaderMap,
    pub(crate) declared: &'a Declared,
    /// The id that connects its log lines.
    pub id: &'a RequestId,
    /// The whole body. Empty if the operation takes none.
    pub body: Bytes,
}

/// The address in the header that only the sidecar sets.
pub(crate) fn client_address(head: &HeaderMap) -> Option<IpAddr> {
    head.get("x-client-address")?.to_str().ok()?.parse().ok()
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
    /// The address of the caller, as the sidecar counts it. `None` for a call that did not pass the sidecar.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        client_address(self.head)
    }

    /// Its trace ids and its client.
    #[must_use]
    pub fn origin(&self) -> Origin<'a> {
        Origin::from_headers(self.head)
    }

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
