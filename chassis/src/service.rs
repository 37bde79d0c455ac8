//! What a service gives the chassis: its document, its operations, and what each of them does.

use crate::bearer::Claims;
use crate::document::Template;
use crate::problem::Problem;
use crate::request_id::RequestId;
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{Response, StatusCode, Uri};
use std::fmt;
use std::future::Future;

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

/// A request as an operation sees it.
#[derive(Debug)]
pub struct Request<'a> {
    /// Its path and its query, as they were sent.
    pub uri: &'a Uri,
    /// The template of the path.
    pub template: &'a Template,
    /// What the bearer token says, where the operation requires one.
    pub token: Option<Box<Claims>>,
    /// All headers.
    pub headers: &'a HeaderMap,
    /// The id that ties its log lines together.
    pub id: &'a RequestId,
    /// The whole body; empty where the operation takes none.
    pub body: Bytes,
}

impl<'a> Request<'a> {
    /// A parameter of the path, as it was sent.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&'a str> {
        self.template.parameter(name, self.uri.path())
    }
}

/// What every response is made of.
pub type Answer = Response<Full<Bytes>>;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A JSON response with its `Cache-Control`.
#[must_use]
pub fn json(status: StatusCode, cache: HeaderValue, body: impl Into<Bytes>) -> Answer {
    let mut headers = HeaderMap::with_capacity(4);
    headers.insert(CONTENT_TYPE, JSON);
    headers.insert(CACHE_CONTROL, cache);
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    *answer.headers_mut() = headers;
    answer
}

/// `Cache-Control: no-store`, for a response that belongs to one caller or one moment.
pub const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
