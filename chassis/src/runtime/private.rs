//! The private listener: metrics and profiles for operators, on a separate address.
//!
//! | request | answer |
//! |---|---|
//! | `GET /metrics` | the metrics, as `OpenMetrics` text |
//! | `GET /healthz`, `GET /readyz` | as in the API, without the password, for the health check of a worker |
//! | `GET /debug/pprof/profile?seconds=N` | a CPU profile of the next `N` seconds (1 to 60, 30 if absent) for `go tool pprof` or speedscope; 409 while another is taken |
//!
//! The default address is loopback, where every process of the task or of the machine is trusted. If a password is set,
//! every request needs it. The private listener uses the same server code as the public one, and serves until the
//! public one has drained.

use crate::answer::{Answer, NO_STORE, json};
use crate::connections::Limits;
use crate::metrics::{CONTENT_TYPE as OPEN_METRICS, Exposition};
use crate::password::Password;
use crate::problem::{ErrorStatus, Problem};
use crate::profile::{ProfileError, Profiler};
use crate::readiness::{self, Readiness};
use crate::request_id::{RequestId, X_REQUEST_ID};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, StatusCode};
use std::sync::Arc;
use std::time::Duration;

const HEALTHZ: &str = "/healthz";
const READYZ: &str = "/readyz";
const METRICS: &str = "/metrics";
const PROFILE: &str = "/debug/pprof/profile";
const DEFAULT_SECONDS: u64 = 30;
const LONGEST_SECONDS: u64 = 60;

/// Its limits. A scraper and a few people need no more connections. It ends at once after the public server.
pub(crate) const LIMITS: Limits = Limits {
    keep_alive_timeout: Duration::from_secs(75),
    max_connections: 16,
    drain_grace: Duration::ZERO,
    drain_timeout: Duration::ZERO,
};

/// Answers on the private listener.
pub(crate) struct Private {
    name: String,
    readiness: Arc<Readiness>,
    exposition: Arc<Exposition>,
    password: Option<Password>,
    challenge: HeaderValue,
    profiler: Profiler,
}

impl Private {
    /// The listener of a service.
    pub(crate) fn new(
        name: &str,
        readiness: Arc<Readiness>,
        exposition: Arc<Exposition>,
        password: Option<Password>,
    ) -> Self {
        let challenge = format!("Basic realm=\"{name}\"");
        let challenge = challenge.try_into().expect("a service's name is visible ASCII");
        let (name, profiler) = (name.to_owned(), Profiler::default());
        Self { name, readiness, exposition, password, challenge, profiler }
    }

    async fn answer(&self, request: &Request<Incoming>) -> Result<Answer, Problem> {
        let (path, method) = (request.uri().path(), request.method());
        match (path, method) {
            (HEALTHZ, &Method::GET | &Method::HEAD) => return Ok(readiness::live()),
            (READYZ, &Method::GET | &Method::HEAD) => return Ok(self.readiness.answer(false)),
            _ => {}
        }
        let given = request.headers().get(AUTHORIZATION);
        if !self.password.as_ref().is_none_or(|password| password.admits(given)) {
            let detail = "The user and the password are needed in Authorization: Basic.";
            return Err(Problem::unauthorized(self.challenge.clone(), detail));
        }
        match (path, method) {
            (METRICS, &Method::GET | &Method::HEAD) => {
                Ok(of_type(OPEN_METRICS, self.exposition.encode().into_bytes()))
            }
            (PROFILE, &Method::GET) => self.profile(request.uri().query()).await,
            (HEALTHZ | READYZ | METRICS, _) => {
                Err(Problem::method_not_allowed(&HeaderValue::from_static("GET, HEAD")))
            }
            (PROFILE, _) => Err(Problem::method_not_allowed(&HeaderValue::from_static("GET"))),
            _ => Err(Problem::no_such_route()),
        }
    }

    async fn profile(&self, query: Option<&str>) -> Result<Answer, Problem> {
        let seconds = seconds(query).ok_or_else(|| {
            let detail = format!("`seconds` is a whole number from 1 to {LONGEST_SECONDS}.");
            Problem::plain(ErrorStatus::BAD_REQUEST, detail)
        })?;
        let profile = self.profiler.take(Duration::from_secs(seconds)).await;
        profile.map(|profile| of_type("application/octet-stream", profile)).map_err(|error| {
            match error {
                ProfileError::Busy => {
                    Problem::plain(ErrorStatus::CONFLICT, "Another profile is being taken.")
                }
                ProfileError::Failed(cause) => Problem::internal(cause),
            }
        })
    }

    /// Answers any request, also on a reserved connection.
    pub(crate) async fn handle(&self, request: Request<Incoming>) -> Answer {
        let id = RequestId::from_caller(request.headers().get(X_REQUEST_ID));
        let mut answer = self.answer(&request).await.unwrap_or_else(|problem| {
            if let Some(cause) = problem.cause() {
                let path = request.uri().path();
                tracing::error!(request_id = id.as_str(), path, cause, "private request failed");
            }
            problem.response(&self.name, &id)
        });
        answer.headers_mut().insert(X_REQUEST_ID, id.into_header());
        answer
    }
}

fn of_type(kind: &'static str, body: Vec<u8>) -> Answer {
    let mut answer = json(StatusCode::OK, NO_STORE, body);
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer
}

/// `None` if the value is not a number in the range, or is given twice.
fn seconds(query: Option<&str>) -> Option<u64> {
    let mut given = query
        .into_iter()
        .flat_map(|query| query.split('&'))
        .filter_map(|pair| pair.strip_prefix("seconds="));
    match (given.next(), given.next()) {
        (None, _) => Some(DEFAULT_SECONDS),
        (Some(text), None) if text.bytes().all(|byte| byte.is_ascii_digit()) => {
            text.parse().ok().filter(|seconds| (1..=LONGEST_SECONDS).contains(seconds))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_must_be_whole_number_in_range() {
        for (query, expected) in [
            (None, Some(30)),
            (Some(""), Some(30)),
            (Some("debug=1"), Some(30)),
            (Some("seconds=1"), Some(1)),
            (Some("debug=1&seconds=60"), Some(60)),
            (Some("seconds=0"), None),
            (Some("seconds=61"), None),
            (Some("seconds="), None),
            (Some("seconds=+5"), None),
            (Some("seconds=1.5"), None),
            (Some("seconds=5&seconds=5"), None),
            (Some("seconds=99999999999999999999"), None),
        ] {
            assert_eq!(seconds(query), expected, "{query:?}");
        }
    }
}
