//! The HTTP API: a request in, a response out, no sockets.
//!
//! * `GET /healthz` -- 200 while the process lives
//! * `GET /readyz` -- 200 when the keys are loaded, 503 before that and after the stop signal
//! * `POST /sum` -- the exact sum of `a` and `b`
//! * `GET /openapi.json` -- the description of this contract
//! * `GET /metrics` -- for Prometheus, in `OpenMetrics` text; the sidecar does not let it out
//!
//! `HEAD` goes wherever `GET` does. Paths are compared as they are sent: `/healthz/` is another path.
//!
//! A request for `/sum` is judged in this order, and the first refusal is the answer: method, key, content
//! type, declared length, body, JSON, the two members. So a caller without a key learns nothing else.

use crate::body::{BodyError, RequestBody};
use crate::fields::Fields;
use crate::keys::KeyRing;
use crate::metrics::{self, Metrics};
use crate::problem::Problem;
use crate::readiness::{Readiness, Stage};
use crate::request_id::{Origin, RequestId, X_REQUEST_ID};
use crate::route::Route;
use crate::{openapi, panics, sum};
use bytes::Bytes;
use futures_util::FutureExt;
use http_body_util::Full;
use hyper::body::Body;
use hyper::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderMap, HeaderValue, TRANSFER_ENCODING,
};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode};
use std::error::Error;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// What every answer is made of.
pub type Answer = Response<Full<Bytes>>;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const CLOSE: HeaderValue = HeaderValue::from_static("close");
const CHUNKED: HeaderValue = HeaderValue::from_static("chunked");
/// The description changes with a deployment only; a few minutes of the old one harm nobody.
const BRIEFLY: HeaderValue = HeaderValue::from_static("public, max-age=300");

/// Who may ask for a sum.
#[derive(Debug)]
enum Door {
    /// Anybody: the sidecar has checked.
    Open,
    /// Holders of a key, once the keys are loaded.
    Keyed(OnceLock<KeyRing>),
}

/// The API and its state.
#[derive(Debug)]
pub struct App {
    door: Door,
    body_timeout: Duration,
    readiness: Readiness,
    metrics: Metrics,
}

impl App {
    /// An API that leaves the keys to the sidecar, ready at once. A body must be complete within
    /// `body_timeout`.
    #[must_use]
    pub fn open(body_timeout: Duration) -> Self {
        let app = Self::new(Door::Open, body_timeout);
        app.readiness.advance(Stage::Ready);
        app
    }

    /// An API that checks keys, and is not ready before it has them: see [`App::set_keys`].
    #[must_use]
    pub fn keyed(body_timeout: Duration) -> Self {
        Self::new(Door::Keyed(OnceLock::new()), body_timeout)
    }

    fn new(door: Door, body_timeout: Duration) -> Self {
        Self { door, body_timeout, readiness: Readiness::default(), metrics: Metrics::default() }
    }

    /// Takes the keys and becomes ready. They are set once: a second call changes nothing, as both copies
    /// of the keys change by deployment only.
    pub fn set_keys(&self, keys: KeyRing) {
        if let Door::Keyed(ring) = &self.door {
            let _ = ring.set(keys);
            self.readiness.advance(Stage::Ready);
        }
    }

    /// From here on `/readyz` says that the process is going away.
    pub fn drain(&self) {
        self.readiness.advance(Stage::Draining);
    }

    /// The metrics, for what is counted outside of requests.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Answers any request. Does not fail, and a panic inside is a 500.
    pub async fn handle<B>(&self, request: Request<B>) -> Answer
    where
        B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>>,
    {
        let started = Instant::now();
        let in_flight = self.metrics.enter();
        let (parts, body) = request.into_parts();
        let mut body = pin!(body);
        let mut body = RequestBody::new(body.as_mut());
        let route = Route::of(parts.uri.path());
        let fields = Fields::of(&parts.headers);
        let id = RequestId::of(fields.request_id);

        let outcome = AssertUnwindSafe(self.answer(route, &parts.method, &fields, &mut body))
            .catch_unwind()
            .await;
        let outcome =
            outcome.unwrap_or_else(|panic| Err(Problem::Internal(panics::message(panic.as_ref()))));
        let reusable = match &outcome {
            Err(Problem::Internal(_)) => false,
            // A caller that waits for "100 Continue" before it sends must not be told to go on.
            _ if fields.expects => body.was_read(),
            _ => body.is_over().await,
        };
        let mut answer = match outcome {
            Ok(answer) => answer,
            Err(problem) => {
                if let Some(cause) = problem.cause() {
                    log_failure(route, &parts, &id, problem.status(), cause);
                }
                problem.response(&id)
            }
        };

        if !reusable {
            answer.headers_mut().insert(CONNECTION, CLOSE);
            // Without a length, the sidecar closes the caller's connection too, and says so.
            answer.headers_mut().insert(TRANSFER_ENCODING, CHUNKED);
        }
        let took = started.elapsed();
        let status = answer.status();
        tracing::debug!(
            request_id = id.as_str(),
            method = %parts.method,
            route = route.path(),
            status = status.as_u16(),
            took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            "answered"
        );
        answer.headers_mut().insert(X_REQUEST_ID, id.into_header());
        self.metrics.observe(&parts.method, route, status, took);
        drop(in_flight);
        answer
    }

    async fn answer<B>(
        &self,
        route: Route,
        method: &Method,
        fields: &Fields<'_>,
        body: &mut RequestBody<'_, B>,
    ) -> Result<Answer, Problem>
    where
        B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>>,
    {
        match (route, method) {
            (Route::Sum, &Method::POST) => self.sum(fields, body).await,
            (Route::Sum, _) => Err(Problem::MethodNotAllowed("POST")),
            (Route::Unknown, _) => Err(Problem::NotFound),
            (Route::Healthz, &Method::GET | &Method::HEAD) => {
                Ok(json(StatusCode::OK, NO_STORE, Bytes::from_static(b"{\"status\":\"ok\"}")))
            }
            (Route::Readyz, &Method::GET | &Method::HEAD) => Ok(self.readyz()),
            (Route::OpenApi, &Method::GET | &Method::HEAD) => {
                Ok(json(StatusCode::OK, BRIEFLY, Bytes::from_static(openapi::DOCUMENT.as_bytes())))
            }
            (Route::Metrics, &Method::GET | &Method::HEAD) => {
                let mut answer = json(StatusCode::OK, NO_STORE, self.metrics.encode().into());
                answer
                    .headers_mut()
                    .insert(CONTENT_TYPE, HeaderValue::from_static(metrics::CONTENT_TYPE));
                Ok(answer)
            }
            (_, _) => Err(Problem::MethodNotAllowed("GET, HEAD")),
        }
    }

    fn readyz(&self) -> Answer {
        let (status, body) = match self.readiness.stage() {
            Stage::Starting => (StatusCode::SERVICE_UNAVAILABLE, "{\"status\":\"starting\"}"),
            Stage::Ready => (StatusCode::OK, "{\"status\":\"ready\"}"),
            Stage::Draining => (StatusCode::SERVICE_UNAVAILABLE, "{\"status\":\"draining\"}"),
        };
        json(status, NO_STORE, Bytes::from_static(body.as_bytes()))
    }

    async fn sum<B>(
        &self,
        fields: &Fields<'_>,
        body: &mut RequestBody<'_, B>,
    ) -> Result<Answer, Problem>
    where
        B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>>,
    {
        self.check_key(fields)?;
        if !is_json(fields) {
            return Err(Problem::UnsupportedMediaType);
        }
        let bytes = body.read(self.body_timeout).await.map_err(|error| match error {
            BodyError::TooLarge => Problem::ContentTooLarge,
            BodyError::TooSlow => Problem::RequestTimeout,
            BodyError::Broken => Problem::BrokenBody,
        })?;
        let sum = sum::sum(&bytes).map_err(Problem::Sum)?;
        let body = sum.between("{\"sum\":", "}");
        Ok(json(StatusCode::OK, NO_STORE, body.into()))
    }

    fn check_key(&self, fields: &Fields<'_>) -> Result<(), Problem> {
        let Door::Keyed(ring) = &self.door else { return Ok(()) };
        let ring = ring.get().ok_or(Problem::Starting)?;
        let key = fields.api_key.once().ok_or(Problem::Unauthorized)?;
        ring.client_of(key).map(drop).ok_or(Problem::Unauthorized)
    }
}

fn json(status: StatusCode, cache: HeaderValue, body: Bytes) -> Answer {
    let mut headers = HeaderMap::with_capacity(4);
    headers.insert(CONTENT_TYPE, JSON);
    headers.insert(CACHE_CONTROL, cache);
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    *answer.headers_mut() = headers;
    answer
}

/// One `Content-Type`, and it is JSON. Its parameters do not matter: JSON is UTF-8 (RFC 8259, section 8.1),
/// whatever a `charset` says.
fn is_json(fields: &Fields<'_>) -> bool {
    let Some(value) = fields.content_type.once() else { return false };
    let essence = value.split(|byte| *byte == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(b"application/json")
}

/// One line for each request that failed by our fault. A refused request gets none: the sidecar writes the
/// access log.
fn log_failure(route: Route, parts: &Parts, id: &RequestId, status: StatusCode, cause: &str) {
    let origin = Origin::of(&parts.headers);
    tracing::error!(
        request_id = id.as_str(),
        amzn_trace_id = origin.amzn_trace_id,
        traceparent = origin.traceparent,
        client = origin.client,
        method = %parts.method,
        route = route.path(),
        status = status.as_u16(),
        cause,
        "request failed"
    );
}
