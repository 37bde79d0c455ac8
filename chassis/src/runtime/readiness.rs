//! The state that `/readyz` reports: starting, then ready, then draining, never backwards. It also lists dependencies.
//!
//! The route sends no request to a dependency. The code that uses a dependency records whether it answered. The route
//! shows the last record as `ok` or `away`, without an address or the error text of a driver.

use crate::answer::{Answer, NO_STORE, json};
use hyper::StatusCode;
use std::fmt::Write;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// A phase of the process's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The process is still loading something that it needs, such as its keys.
    Starting = 0,
    /// Everything is loaded.
    Ready = 1,
    /// After a stop signal: the process finishes its requests and expects no new ones.
    Draining = 2,
}

/// Moves only forward, so keys that arrive after the stop signal cannot make a stopping process ready.
#[derive(Debug)]
pub struct Readiness {
    phase: AtomicU8,
    conditions: Mutex<Vec<Reported>>,
}

/// A condition in the response.
#[derive(Debug)]
struct Reported {
    name: &'static str,
    condition: Condition,
    /// How long the process is ready without it. `None` means always.
    patience: Option<Duration>,
}

/// Whether a dependency answers. A clone shares the same state.
#[derive(Debug, Clone)]
pub struct Condition(Arc<Mutex<State>>);

#[derive(Debug, Clone, Copy)]
enum State {
    Ok,
    /// Since this time.
    Away(Instant),
}

impl Condition {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(State::Away(Instant::now()))))
    }

    /// Records whether the dependency has just answered.
    pub fn note(&self, ok: bool) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *state = match (*state, ok) {
            (_, true) => State::Ok,
            (State::Ok, false) => State::Away(Instant::now()),
            (away, false) => away,
        };
    }

    /// The last record. `false` before the first.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        matches!(self.state(), State::Ok)
    }

    fn is_away_for(&self, patience: Duration) -> bool {
        matches!(self.state(), State::Away(since) if since.elapsed() >= patience)
    }

    fn state(&self) -> State {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Readiness {
    fn default() -> Self {
        Self { phase: AtomicU8::new(Phase::Starting as u8), conditions: Mutex::default() }
    }
}

impl Readiness {
    /// The current phase.
    #[must_use]
    pub fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Acquire) {
            0 => Phase::Starting,
            1 => Phase::Ready,
            _ => Phase::Draining,
        }
    }

    /// Moves forward to `phase`. Does nothing if the current phase is later.
    pub fn advance(&self, phase: Phase) {
        self.phase.fetch_max(phase as u8, Ordering::AcqRel);
    }

    /// A dependency that `/readyz` reports from now on. It does not change the status: otherwise the platform would
    /// replace a service that can still do part of its work by one that can do no more.
    #[must_use]
    pub fn condition(&self, name: &'static str) -> Condition {
        self.add(name, None)
    }

    /// Like [`Readiness::condition`], for a dependency without which the service can do nothing. The status is 503 when
    /// it has been away for `patience`. The load balancer's query ignores it, because an outage of a database must not
    /// replace every task.
    #[must_use]
    pub fn requirement(&self, name: &'static str, patience: Duration) -> Condition {
        self.add(name, Some(patience))
    }

    fn add(&self, name: &'static str, patience: Option<Duration>) -> Condition {
        let condition = Condition::new();
        let reported = Reported { name, condition: condition.clone(), patience };
        self.conditions.lock().unwrap_or_else(PoisonError::into_inner).push(reported);
        condition
    }

    /// Whether the process accepts requests. `shallow` ignores the dependencies.
    #[must_use]
    pub fn is_ready(&self, shallow: bool) -> bool {
        let conditions = self.conditions.lock().unwrap_or_else(PoisonError::into_inner);
        let missing = |reported: &Reported| {
            reported.patience.is_some_and(|patience| reported.condition.is_away_for(patience))
        };
        self.phase() == Phase::Ready && (shallow || !conditions.iter().any(missing))
    }

    /// The answer of `/readyz`.
    #[must_use]
    pub fn answer(&self, shallow: bool) -> Answer {
        let ready = self.is_ready(shallow);
        let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        json(status, NO_STORE, self.body(shallow))
    }

    /// The body of the route.
    #[must_use]
    pub fn body(&self, shallow: bool) -> String {
        let status = match self.phase() {
            Phase::Starting => "starting",
            Phase::Ready if self.is_ready(shallow) => "ready",
            Phase::Ready => "away",
            Phase::Draining => "draining",
        };
        let mut body = format!("{{\"status\":\"{status}\"");
        let conditions = self.conditions.lock().unwrap_or_else(PoisonError::into_inner);
        for Reported { name, condition, .. } in &*conditions {
            let state = if condition.is_ok() { "ok" } else { "away" };
            let _ = write!(body, ",\"{name}\":\"{state}\"");
        }
        body.push('}');
        body
    }
}

/// The answer of `/healthz`.
#[must_use]
pub fn live() -> Answer {
    json(StatusCode::OK, NO_STORE, &b"{\"status\":\"ok\"}"[..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draining_is_final() {
        let readiness = Readiness::default();
        assert_eq!(readiness.phase(), Phase::Starting);
        readiness.advance(Phase::Ready);
        assert_eq!(readiness.phase(), Phase::Ready);
        readiness.advance(Phase::Draining);
        readiness.advance(Phase::Ready);
        assert_eq!(readiness.phase(), Phase::Draining);
    }

    #[tokio::test(start_paused = true)]
    async fn process_is_not_ready_when_a_requirement_is_away_for_too_long() {
        let readiness = Readiness::default();
        let database = readiness.requirement("database", Duration::from_secs(30));
        let cache = readiness.condition("cache");
        assert!(!readiness.is_ready(true), "it was never ready");
        readiness.advance(Phase::Ready);
        database.note(true);
        cache.note(true);
        for ok in [false, false] {
            database.note(ok);
            cache.note(ok);
            tokio::time::advance(Duration::from_secs(15)).await;
        }
        assert!(!readiness.is_ready(false) && readiness.is_ready(true));
        assert_eq!(readiness.body(false), r#"{"status":"away","database":"away","cache":"away"}"#);
        database.note(true);
        assert!(readiness.is_ready(false), "only the requirement counts");
    }

    #[test]
    fn body_contains_last_record_of_each_condition() {
        let readiness = Readiness::default();
        assert_eq!(readiness.body(false), r#"{"status":"starting"}"#);
        let (database, cache) = (readiness.condition("database"), readiness.condition("cache"));
        readiness.advance(Phase::Ready);
        assert_eq!(readiness.body(false), r#"{"status":"ready","database":"away","cache":"away"}"#);
        database.note(true);
        assert_eq!(readiness.body(false), r#"{"status":"ready","database":"ok","cache":"away"}"#);
        database.note(false);
        cache.note(true);
        assert_eq!(readiness.body(false), r#"{"status":"ready","database":"away","cache":"ok"}"#);
    }
}
