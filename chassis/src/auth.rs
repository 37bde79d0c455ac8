//! Who may call an operation: the credentials that its document requires.

use crate::bearer::{Claims, Issuer};
use crate::document::Access;
use crate::keys::KeyRing;
use crate::problem::Problem;
use crate::request_headers::RequestHeaders;
use hyper::header::HeaderValue;
use std::sync::{Arc, OnceLock};

/// Checks credentials.
#[derive(Debug)]
pub(crate) struct Auth {
    keys: Keys,
    issuer: Option<Arc<Issuer>>,
    /// Seconds since 1970.
    clock: fn() -> u64,
    key_challenge: HeaderValue,
    bearer_challenge: HeaderValue,
}

/// Where the keys are checked.
#[derive(Debug)]
enum Keys {
    /// In the sidecar alone.
    Sidecar,
    /// Here too, once they are loaded.
    Here(OnceLock<KeyRing>),
}

impl Auth {
    /// The sidecar checks the keys. `realm` is the service's name.
    pub(crate) fn open(realm: &str) -> Self {
        Self::new(realm, Keys::Sidecar)
    }

    /// Keys are checked here too; until there are some, every request that needs one is a 503.
    pub(crate) fn keyed(realm: &str) -> Self {
        Self::new(realm, Keys::Here(OnceLock::new()))
    }

    fn new(realm: &str, keys: Keys) -> Self {
        let challenge = |scheme: &str| {
            HeaderValue::from_str(&format!("{scheme} realm=\"{realm}\""))
                .expect("a service's name is visible ASCII")
        };
        Self {
            keys,
            issuer: None,
            clock: || 0,
            key_challenge: challenge("ApiKey"),
            bearer_challenge: challenge("Bearer"),
        }
    }

    /// Accepts the tokens of an issuer, by the time of a clock.
    pub(crate) fn trust(&mut self, issuer: Arc<Issuer>, clock: fn() -> u64) {
        (self.issuer, self.clock) = (Some(issuer), clock);
    }

    /// Sets the keys, once. Says whether they are checked here.
    pub(crate) fn set_keys(&self, keys: KeyRing) -> bool {
        match &self.keys {
            Keys::Sidecar => false,
            Keys::Here(ring) => {
                let _ = ring.set(keys);
                true
            }
        }
    }

    /// What the token says, where the operation requires one.
    pub(crate) fn check(
        &self,
        access: Access,
        headers: &RequestHeaders<'_>,
    ) -> Result<Option<Box<Claims>>, Problem> {
        match access {
            Access::Open => Ok(None),
            Access::ApiKey => self.check_key(headers).map(|()| None),
            Access::Bearer => self.check_token(headers).map(|claims| Some(Box::new(claims))),
        }
    }

    fn check_key(&self, headers: &RequestHeaders<'_>) -> Result<(), Problem> {
        let Keys::Here(ring) = &self.keys else { return Ok(()) };
        let ring = ring.get().ok_or_else(Problem::starting)?;
        let client = headers.api_key.once().and_then(|key| ring.client_of(key));
        client.map(drop).ok_or_else(|| {
            let detail = "Exactly one valid key is needed in X-Api-Key.";
            Problem::unauthorized(self.key_challenge.clone(), detail)
        })
    }

    fn check_token(&self, headers: &RequestHeaders<'_>) -> Result<Claims, Problem> {
        let issuer = self.issuer.as_ref();
        let issuer = issuer.ok_or_else(|| Problem::internal("no issuer of tokens is trusted"))?;
        let token = headers.authorization.once().and_then(bearer);
        let claims = token.and_then(|token| issuer.verify(token, (self.clock)()).ok());
        claims.ok_or_else(|| {
            let detail = "Exactly one valid token is needed in Authorization: Bearer.";
            Problem::unauthorized(self.bearer_challenge.clone(), detail)
        })
    }
}

/// The token of the scheme `Bearer`, whose name has no case (RFC 9110, section 11.1).
fn bearer(value: &[u8]) -> Option<&str> {
    let (scheme, token) = std::str::from_utf8(value).ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}
