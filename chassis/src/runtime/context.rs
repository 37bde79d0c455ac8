//! The means that the chassis provides to a service that is built with [`crate::run_with`]: the signing of tokens and the
//! conditions of `/readyz`.
//!
//! A service is built before its keys are loaded, because `/healthz` must answer while SSM is away. So the service
//! gets a handle, which receives the keys later.

use crate::bearer::Issuer;
use crate::problem::Problem;
use crate::readiness::{Condition, Readiness};
use std::sync::{Arc, OnceLock};
use std::time::{SystemTime, UNIX_EPOCH};

/// The interface of the chassis for a service. A clone shares the same state.
#[derive(Debug, Clone)]
pub struct Context {
    pub(crate) readiness: Arc<Readiness>,
    pub(crate) signer: Signer,
}

impl Default for Context {
    fn default() -> Self {
        Self::with_clock(seconds_since_1970)
    }
}

impl Context {
    /// Uses this clock for bearer tokens. It returns seconds since 1970.
    #[must_use]
    pub fn with_clock(clock: fn() -> u64) -> Self {
        let signer = Signer { issuer: Arc::default(), clock };
        Self { readiness: Arc::default(), signer }
    }

    /// Signs tokens with the keys that the chassis accepts.
    #[must_use]
    pub fn signer(&self) -> Signer {
        self.signer.clone()
    }

    /// A dependency that `/readyz` reports from now on: see [`Readiness::condition`].
    #[must_use]
    pub fn condition(&self, name: &'static str) -> Condition {
        self.readiness.condition(name)
    }
}

/// Signs bearer tokens. The key list comes from the settings `JWT_KEYS` and `JWT_KEYS_PARAMETER`.
#[derive(Debug, Clone)]
pub struct Signer {
    /// Empty until the credentials are loaded. `None` inside if no token is trusted.
    issuer: Arc<OnceLock<Option<Issuer>>>,
    clock: fn() -> u64,
}

impl Signer {
    /// A token of a session that ends `lifetime` seconds from now: see [`Issuer::sign`]. Returns a 503 before the keys
    /// are loaded.
    pub fn sign(&self, sub: &str, sid: &str, jti: &str, lifetime: u64) -> Result<String, Problem> {
        Ok(self.issuer()?.sign(sub, sid, jti, self.now(), lifetime))
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
        (self.clock)()
    }
}

/// A clock before 1970 returns 0, so every token is not valid yet.
fn seconds_since_1970() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
