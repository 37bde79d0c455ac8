//! A service over HTTP: it turns a request into a response, without sockets.
//!
//! The router finds the operation. The chassis itself answers the probes and `/openapi.json`. The service answers
//! every other operation, after the request has passed every check of the document.
//!
//! `HEAD` uses the operation of `GET`. Paths are compared undecoded: `/healthz/` is not `/healthz`.
//!
//! A request is checked in this order: path, method, key, content type, declared length, body. The first failed check
//! is the answer. So a caller without a key gets no result of the checks after it.

use crate::answer::{Answer, Body as AnswerBody, EVENT_STREAM, json};
use crate::auth::{Auth, Credentials};
use crate::body::{self, BodyError, RequestBody};
use crate::connections::Seat;
use crate::context::Context;
use crate::document::Document;
use crate::metrics::Metrics;
use crate::panics;
use crate::problem::{self, Problem};
use crate::readiness::{self, Phase, Readiness};
use crate::request_headers::RequestHeaders;
use crate::request_id::{RequestId, X_REQUEST_ID};
use crate::router::{Action, Endpoint, Route, Router, Unimplemented};
use crate::service::{Request, Service, Visit, client_address};
use bytes::Bytes;
use futures_util::FutureExt;
use hyper::body::Body;
use hyper::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderValue, TRANSFER_ENCODING};
use hyper::http::Extensions;
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use std::error::Error;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

const CLOSE: HeaderValue = HeaderValue::from_static("close");
const CHUNKED: HeaderValue = HeaderValue::from_static("chunked");
/// The description changes only with a deployment. Caches may keep it for five minutes.
const BRIEFLY: HeaderValue = HeaderValue::from_static("public, max-age=300");

/// The route, if the path is known, and the endpoint, if the method is known.
type Found<'a, O> = Option<(&'a Route<O>, Option<&'a Endpoint<O>>)>;

/// A service and its state.
#[derive(Debug)]
pub struct App<S: Service> {
    service: S,
    name: String,
    description: Bytes,
    router: Router<S::Operation>,
    auth: Auth,
    body_timeout: Duration,
    readiness: Arc<Readiness>,
    metrics: Metrics,
}

impl<S: Service> App<S> {
    /// A service that becomes ready with [`App::start`]. A request body must be complete within `body_timeout`.
    pub fn new(
        service: S,
        document: &Document,
        body_timeout: Duration,
    ) -> Result<Self, Unimplemented> {
        Self::with_context(service, document, body_timeout, &Context::default())
    }

    /// Like [`App::new`], for a service that was built with this context.
    pub fn with_context(
        service: S,
        document: &Document,
        body_timeout: Duration,
        context: &Context,
    ) -> Result<Self, Unimplemented> {
        let router = Router::new::<S>(document)?;
        let name = document.service.name.clone();
        Ok(Self {
            service,
            description: document.public.clone().into(),
            metrics: Metrics::new(&name, S::BUILD, &router, Arc::clone(&context.metrics)),
            auth: Auth::new(&name, context.signer()),
            name,
            router,
            body_timeout,
            readiness: Arc::clone(&context.readiness),
        })
    }

    /// Sets the credentials of the callers and becomes ready. A second call changes nothing: the keys of the service
    /// and of the sidecar change only by deployment.
    pub fn start(&self, credentials: Credentials) {
        self.auth.set(credentials);
        self.readiness.advance(Phase::Ready);
    }

    /// From now on `/readyz` answers `draining`, and the service knows it.
    pub fn drain(&self) {
        self.readiness.advance(Phase::Draining);
        self.service.drain();
    }

    /// The service.
    pub fn service(&self) -> &S {
        &self.service
    }

    /// The service's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The metrics, for values that are counted outside of requests.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Answers any request. A panic in the service is a 500.
    pub async fn handle<B>(&self, request: hyper::Request<B>, seat: Seat) -> Answer
    where
        B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>>,
    {
        let started = Instant::now();
        let in_flight = self.metrics.enter();
        let (parts, body) = request.into_parts();
        let mut body = pin!(body);
        let mut body = RequestBody::new(body.as_mut());
        let route = self.router.find(parts.uri.path());
        let endpoint = route.and_then(|route| route.endpoint(&parts.method));
        let headers = RequestHeaders::from_map(&parts.headers);
        let id = RequestId::from_caller(headers.request_id);

        let found = route.map(|route| (route, endpoint));
        let answer = self.answer(found, &parts, &headers, &id, &mut body, seat);
        let outcome = AssertUnwindSafe(answer).catch_unwind().await;
        let outcome =
            outcome.unwrap_or_else(|panic| Err(Problem::internal(panics::message(panic.as_ref()))));
        let reusable = match &outcome {
            Err(problem) if problem.status() == StatusCode::INTERNAL_SERVER_ERROR => false,
            // Reading here would send "100 Continue" to a caller that waits for it.
            _ if headers.expects => body.was_read(),
            _ => body.is_over().await,
        };
        let label = route.map_or("", |route| route.label.as_str());
        let mut answer = match outcome {
            Ok(answer) => answer,
            Err(problem) => {
                if let Some(cause) = problem.cause() {
                    problem::log(label, &parts, &id, problem.status(), cause);
                }
                let mut answer = problem.response(&self.name, &id);
                if let Some(Action::Call(operation)) = endpoint.map(|endpoint| endpoint.action) {
                    answer.headers_mut().insert(CACHE_CONTROL, S::caching(operation));
                }
                answer
            }
        };

        if !reusable {
            answer.headers_mut().insert(CONNECTION, CLOSE);
            // Without a length, the sidecar also sends `Connection: close` to the caller.
            answer.headers_mut().insert(TRANSFER_ENCODING, CHUNKED);
        }
        let took = started.elapsed();
        let status = answer.status();
        tracing::debug!(
            request_id = id.as_str(),
            method = %parts.method,
            route = label,
            operation = endpoint.map_or("", |endpoint| endpoint.id.as_str()),
            status = status.as_u16(),
            took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            "answered"
        );
        answer.headers_mut().insert(X_REQUEST_ID, id.into_header());
        self.metrics.observe(&parts.method, route, endpoint, status, took);
        drop(in_flight);
        answer
    }

    async fn answer<B>(
        &self,
        found: Found<'_, S::Operation>,
        parts: &Parts,
        headers: &RequestHeaders<'_>,
        id: &RequestId,
        body: &mut RequestBody<'_, B>,
        seat: Seat,
    ) -> Result<Answer, Problem>
    where
        B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>>,
    {
        let endpoint = found.and_then(|(_, endpoint)| endpoint);
        if seat == Seat::Reserved && !endpoint.is_some_and(Endpoint::is_probe) {
            return Err(Problem::no_connection());
        }
        let Some((route, _)) = found else { return Err(Problem::no_such_route()) };
        let Some(endpoint) = endpoint else {
            return Err(Problem::method_not_allowed(&route.allow));
        };
        match endpoint.action {
            Action::Live => Ok(readiness::live()),
            Action::Ready => Ok(self.readiness.answer(endpoint.is_balancer(parts.uri.query()))),
            Action::Description => Ok(json(StatusCode::OK, BRIEFLY, self.description.clone())),
            Action::Call(operation) => {
                let token = self.auth.check(endpoint.access, headers)?;
                let within = endpoint.deadline;
                let mut extensions = Extensions::new();
                if let Some(token) = &token {
                    let address = client_address(&parts.headers);
                    let uri = &parts.uri;
                    let mut visit = Visit { token, id, uri, address, extensions: &mut extensions };
                    let admitted = self.service.admit(operation, &mut visit);
                    body::deadline(within, admitted)
                        .await
                        .unwrap_or_else(|| Err(Problem::deadline(within)))?;
                }
                let request = Request {
                    operation: &endpoint.id,
                    uri: &parts.uri,
                    template: route.template(),
                    token,
                    extensions,
                    head: &parts.headers,
                    declared: &endpoint.declared,
                    id,
                    body: self.read(endpoint, &parts.method, headers, body).await?,
                };
                let answer = self.service.call(operation, request);
                // Checked in place, because moving a response costs more than this check.
                let mut outcome = body::deadline(within, answer)
                    .await
                    .unwrap_or_else(|| Err(Problem::deadline(within)));
                if let Ok(answer) = &mut outcome
                    && matches!(answer.body(), AnswerBody::Stream(_))
                {
                    self.prepare_stream(endpoint, id, answer)?;
                }
                outcome
            }
        }
    }

    /// Adds heartbeats to a stream of events, and counts every stream until it ends.
    #[cold]
    fn prepare_stream(
        &self,
        endpoint: &Endpoint<S::Operation>,
        id: &RequestId,
        answer: &mut Answer,
    ) -> Result<(), Problem> {
        let idle = endpoint.stream_idle.ok_or_else(|| {
            Problem::internal(format!(
                "`{}` streams, but the document has no x-stream for it",
                endpoint.id
            ))
        })?;
        let has_events = answer.headers().get(CONTENT_TYPE) == Some(&EVENT_STREAM);
        if let AnswerBody::Stream(stream) = answer.body_mut() {
            if has_events {
                stream.beat(idle / 2);
            }
            stream.hold(self.metrics.open_stream());
            stream.log_end(id.clone());
        }
        Ok(())
    }

    /// The body of an operation that takes one. Another operation ignores a body on GET and HEAD.
    async fn read<B>(
        &self,
        endpoint: &Endpoint<S::Operation>,
        method: &Method,
        headers: &RequestHeaders<'_>,
        body: &mut RequestBody<'_, B>,
    ) -> Result<Bytes, Problem>
    where
        B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>>,
    {
        if endpoint.media_types.is_empty() {
            let ignored = body.was_read() || [Method::GET, Method::HEAD].contains(method);
            return if ignored { Ok(Bytes::new()) } else { Err(Problem::content_too_large(0)) };
        }
        if !endpoint.media_types.iter().any(|media_type| headers.are_of_type(media_type)) {
            return Err(Problem::unsupported_media_type(&endpoint.media_types.join(" or ")));
        }
        let within = self.body_timeout + endpoint.body_allowance;
        body.read(endpoint.max_body, within).await.map_err(|error| match error {
            BodyError::TooLarge => Problem::content_too_large(endpoint.max_body),
            BodyError::TooSlow => Problem::request_timeout(),
            BodyError::Broken => Problem::broken_body(),
        })
    }
}
