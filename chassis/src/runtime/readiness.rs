//! The state that `/readyz` reports: starting, then ready, then draining, never backwards. It also lists dependencies.
//!
//! The route sends no request to a dependency. The code that uses a dependency records whether it answered. The route
//! shows the last record as `ok` or `away`, without an address or the error text of a driver.

use std::fmt::Write;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

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
    conditions: Mutex<Vec<(&'static str, Condition)>>,
}

/// Whether a dependency answers. A clone shares the same state.
#[derive(Debug, Clone, Default)]
pub struct Condition(Arc<AtomicBool>);

impl Condition {
    /// Records whether the dependency has just answered.
    pub fn note(&self, ok: bool) {
        self.0.store(ok, Ordering::Relaxed);
    }

    /// The last record. `false` before the first.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.0.load(Ordering::Relaxed)
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
        let condition = Condition::default();
        let mut conditions = self.conditions.lock().unwrap_or_else(PoisonError::into_inner);
        conditions.push((name, condition.clone()));
        condition
    }

    /// The body of the route.
    #[must_use]
    pub fn body(&self) -> String {
        let status = match self.phase() {
            Phase::Starting => "starting",
            Phase::Ready => "ready",
            Phase::Draining => "draining",
        };
        let mut body = format!("{{\"status\":\"{status}\"");
        for (name, condition) in &*self.conditions.lock().unwrap_or_else(PoisonError::into_inner) {
            let state = if condition.is_ok() { "ok" } else { "away" };
            let _ = write!(body, ",\"{name}\":\"{state}\"");
        }
        body.push('}');
        body
    }
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

    #[test]
    fn body_contains_last_record_of_each_condition() {
        let readiness = Readiness::default();
        assert_eq!(readiness.body(), r#"{"status":"starting"}"#);
        let (database, cache) = (readiness.condition("database"), readiness.condition("cache"));
        readiness.advance(Phase::Ready);
        assert_eq!(readiness.body(), r#"{"status":"ready","database":"away","cache":"away"}"#);
        database.note(true);
        assert_eq!(readiness.body(), r#"{"status":"ready","database":"ok","cache":"away"}"#);
        database.note(false);
        cache.note(true);
        assert_eq!(readiness.body(), r#"{"status":"ready","database":"away","cache":"ok"}"#);
    }
}
