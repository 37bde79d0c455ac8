//! The means that the chassis provides to a service that is built with [`crate::run_with`]: the signing of tokens and the
//! conditions of `/readyz`.
//!
//! A service is built before its keys are loaded, because `/healthz` must answer while SSM is away. So the service
//! gets a handle, which receives the keys later.

use crate::bearer::Issuer;
use crate::clock::Clock;
use crate::problem::Problem;
use crate::readiness::{Condition, Readiness};
use prometheus_client::registry::Registry;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

/// The interface of the chassis for a service. A clone shares the same state.
#[derive(Debug, Clone)]
pub struct Context {
    pub(crate) readiness: Arc<Readiness>,
    pub(crate) signer: Signer,
    pub(crate) metrics: Arc<Mutex<Registry>>,
}

impl Default for Context {
    fn default() -> Self {
        Self::with_clock(Clock::system())
    }
}

impl Context {
    /// Uses this clock for bearer tokens and for the service.
    #[must_use]
    pub fn with_clock(clock: Clock) -> Self {
        let signer = Signer { issuer: Arc::default(), clock };
        Self { readiness: Arc::default(), signer, metrics: Arc::default() }
    }

    /// Signs tokens with the keys that the chassis accepts.
    #[must_use]
    pub fn signer(&self) -> Signer {
        self.signer.clone()
    }

    /// The clock of the service.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.signer.clock.clone()
    }

    /// Adds metrics of the service to `/metrics`.
    pub fn register_metrics(&self, register: impl FnOnce(&mut Registry)) {
        register(&mut self.metrics.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// A dependency that `/readyz` reports from now on: see [`Readiness::condition`].
    #[must_use]
    pub fn condition(&self, name: &'static str) -> Condition {
        self.readiness.condition(name)
    }

    /// A dependency that the service needs: see [`Readiness::requirement`].
    #[must_use]
    pub fn requirement(&self, name: &'static str, patience: Duration) -> Condition {
        self.readiness.requirement(name, patience)
    }
}

/// Signs bearer tokens. The key list comes from the settings `JWT_KEYS` and `JWT_KEYS_PARAMETER`.
#[derive(Debug, Clone)]
pub struct Signer {
    /// Empty until the credentials are loaded. `None` inside if no token is trusted.
    issuer: Arc<OnceLock<Option<Issuer>>>,
    clock: Clock,
}

impl Signer {
    /// A token of a session that ends `lifetime` seconds from now: see [`Issuer::sign`]. Returns a 503 before the keys
    /// are loaded.
    pub fn sign(&self, sub: &str, sid: &str, jti: &str, lifetime: u64) -> Result<String, Problem> {
        self.sign_at(self.now(), sub, sid, jti, lifetime)
    }

    /// Like [`Signer::sign`], for a token that was issued at `now`, in seconds since 1970. The same claims and the same
    /// key give the same token.
    pub fn sign_at(
        &self,
        now: u64,
        sub: &str,
        sid: &str,
        jti: &str,
        lifetime: u64,
    ) -> Result<String, Problem> {
        Ok(self.issuer()?.sign(sub, sid, jti, now, lifetime))
    }

    pub(crate) fn issuer(&self) -> Result<&Issuer, Problem> {
        let issuer = self.issuer.get().ok_or_else(Problem::starting)?;
        issuer.as_ref().ok_or_else(|| Problem::internal("no issuer of tokens is trusted"))
    }

    /// Sets the issuer. A second call changes nothing.
    pub(crate) fn set(&self, issuer: Option<Issuer>) {
        let _ = self.issuer.set(issuer);
    }

    /// Seconds since 1970.
    pub(crate) fn now(&self) -> u64 {
        self.clock.now().as_secs()
    }
}
