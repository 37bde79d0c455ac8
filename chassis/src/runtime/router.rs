//! Finds the operation of a request in the document.

use crate::document::{self, Access, Deadline, Document, Operation, Probe, Template};
use crate::service::{Declared, Service};
use hyper::Method;
use hyper::header::HeaderValue;
use std::time::Duration;
use thiserror::Error;

/// A body of the default size has the body timeout. A longer body has one more second for each 64 KiB.
const BYTES_A_SECOND: u64 = 64 * 1024;
const DEFAULT_BODY: u64 = 4096;

/// The document declares an operation that the code does not implement.
#[derive(Debug, PartialEq, Eq, Error)]
#[error("the document declares the operation `{0}`, but the service does not implement it")]
pub struct Unimplemented(pub String);

/// All routes. Static paths are first, because they take precedence.
#[derive(Debug)]
pub struct Router<O>(Vec<Route<O>>);

/// A path and its endpoints.
#[derive(Debug)]
pub struct Route<O> {
    template: Template,
    is_static: bool,
    /// The template as text, for log and metrics.
    pub label: String,
    /// The methods as the value of `Allow`.
    pub allow: HeaderValue,
    endpoints: Vec<Endpoint<O>>,
}

/// An operation, prepared for the server.
#[derive(Debug)]
pub struct Endpoint<O> {
    method: Method,
    /// Its `operationId`.
    pub id: String,
    /// Its place among all endpoints, from 0.
    pub number: usize,
    /// The credentials that it requires.
    pub access: Access,
    /// Longest body in bytes. 0 if it takes none.
    pub max_body: u64,
    /// The media types of its body; empty if it takes none.
    pub media_types: Vec<String>,
    /// The time for its body in addition to the body timeout.
    pub body_allowance: Duration,
    /// The time limit from the complete body to the head of the response.
    pub deadline: Duration,
    /// The longest pause of its response, if that streams.
    pub stream_idle: Option<Duration>,
    /// The query of the load balancer, if it is a probe that has one.
    pub balancer_query: Option<String>,
    /// The headers and cookies that it may read.
    pub declared: Declared,
    /// The action of a request.
    pub action: Action<O>,
}

/// The action of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action<O> {
    /// Reports that the process is alive.
    Live,
    /// Reports whether the process accepts requests.
    Ready,
    /// Returns the public document.
    Description,
    /// Calls the service.
    Call(O),
}

impl<O: Copy> Router<O> {
    /// The routes of a document, with the operations of a service.
    pub fn new<S: Service<Operation = O>>(document: &Document) -> Result<Self, Unimplemented> {
        let mut number = 0;
        let mut routes = Vec::new();
        for (template, operations) in document.paths() {
            let mut endpoints = Vec::new();
            for operation in operations {
                endpoints.push(endpoint::<S>(operation, number)?);
                number += 1;
            }
            routes.push(Route {
                template: template.clone(),
                is_static: template.is_static(),
                label: template.to_string(),
                allow: allow(&endpoints),
                endpoints,
            });
        }
        routes.sort_by_key(|route| !route.is_static);
        Ok(Self(routes))
    }

    /// The route of an undecoded path.
    #[must_use]
    pub fn find(&self, path: &str) -> Option<&Route<O>> {
        self.0.iter().find(|route| {
            if route.is_static { route.label == path } else { route.template.matches(path) }
        })
    }

    /// All routes with their endpoints.
    pub fn endpoints(&self) -> impl Iterator<Item = (&Route<O>, &Endpoint<O>)> {
        self.0
            .iter()
            .flat_map(|route| route.endpoints.iter().map(move |endpoint| (route, endpoint)))
    }
}

impl<O> Route<O> {
    /// The template of its paths.
    #[must_use]
    pub fn template(&self) -> &Template {
        &self.template
    }

    /// The endpoint of a method. HEAD uses the endpoint of GET unless the document declares HEAD.
    #[must_use]
    pub fn endpoint(&self, method: &Method) -> Option<&Endpoint<O>> {
        let find = |method| self.endpoints.iter().find(|known| known.method == method);
        find(method).or_else(|| if method == Method::HEAD { find(&Method::GET) } else { None })
    }
}

impl<O> Endpoint<O> {
    /// Whether it reports the state of the process.
    #[must_use]
    pub fn is_probe(&self) -> bool {
        matches!(self.action, Action::Live | Action::Ready)
    }

    /// Whether a query is that of the load balancer.
    #[must_use]
    pub fn is_balancer(&self, query: Option<&str>) -> bool {
        self.balancer_query.is_some() && self.balancer_query.as_deref() == query
    }

    /// Its method.
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// Whether the document declares it for this method. False for a HEAD that uses the endpoint of GET.
    #[must_use]
    pub fn is_for(&self, method: &Method) -> bool {
        self.method == method
    }
}

fn endpoint<S: Service>(
    operation: &Operation,
    number: usize,
) -> Result<Endpoint<S::Operation>, Unimplemented> {
    let action = match (&operation.probe, operation.path.to_string().as_str()) {
        (Some(Probe::Live), _) => Action::Live,
        (Some(Probe::Ready(_)), _) => Action::Ready,
        (None, "/openapi.json") => Action::Description,
        (None, _) => S::operation(&operation.id)
            .map(Action::Call)
            .ok_or_else(|| Unimplemented(operation.id.clone()))?,
    };
    // The head of a stream has the same time limit as any other pause.
    let (deadline, stream_idle) = match operation.deadline {
        Deadline::Head(deadline) => (deadline, None),
        Deadline::Idle(idle) => (idle, Some(idle)),
    };
    let max_body = operation.max_body.unwrap_or(0);
    let seconds = max_body.saturating_sub(DEFAULT_BODY) / BYTES_A_SECOND;
    Ok(Endpoint {
        method: hyper_method(operation.method),
        id: operation.id.clone(),
        number,
        access: operation.access,
        max_body,
        media_types: operation.media_types.clone(),
        body_allowance: Duration::from_secs(seconds),
        deadline,
        stream_idle,
        balancer_query: match &operation.probe {
            Some(Probe::Ready(query)) => query.clone(),
            Some(Probe::Live) | None => None,
        },
        declared: Declared::new(operation),
        action,
    })
}

fn allow<O>(endpoints: &[Endpoint<O>]) -> HeaderValue {
    let has = |method: &Method| endpoints.iter().any(|endpoint| endpoint.method == method);
    let methods: Vec<&str> = document::Method::ALL
        .into_iter()
        .filter(|method| {
            has(&hyper_method(*method)) || (*method == document::Method::Head && has(&Method::GET))
        })
        .map(document::Method::as_str)
        .collect();
    HeaderValue::from_str(&methods.join(", ")).expect("methods are visible ASCII")
}

fn hyper_method(method: document::Method) -> Method {
    match method {
        document::Method::Get => Method::GET,
        document::Method::Head => Method::HEAD,
        document::Method::Post => Method::POST,
        document::Method::Put => Method::PUT,
        document::Method::Patch => Method::PATCH,
        document::Method::Delete => Method::DELETE,
    }
}
