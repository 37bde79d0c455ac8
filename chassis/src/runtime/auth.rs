//! Checks the credentials that an operation requires.

use crate::bearer::{Claims, Issuer};
use crate::context::Signer;
use crate::document::Access;
use crate::keys::KeyRing;
use crate::problem::Problem;
use crate::request_headers::RequestHeaders;
use hyper::header::HeaderValue;
use std::sync::OnceLock;

/// The valid credentials of callers.
#[derive(Debug)]
pub struct Credentials {
    /// The keys in `X-Api-Key`.
    pub keys: Keys,
    /// The issuer of accepted bearer tokens. `None` if no operation requires a token.
    pub issuer: Option<Issuer>,
}

/// The place where the keys are checked.
#[derive(Debug)]
pub enum Keys {
    /// Only in the sidecar.
    Sidecar,
    /// In the sidecar and in the service.
    Here(KeyRing),
}

/// Checks credentials.
#[derive(Debug)]
pub(crate) struct Auth {
    /// While it is empty, every request that needs credentials is a 503.
    keys: OnceLock<Keys>,
    signer: Signer,
    key_challenge: HeaderValue,
    bearer_challenge: HeaderValue,
}

impl Auth {
    /// Starts without credentials. `realm` is the service's name.
    pub(crate) fn new(realm: &str, signer: Signer) -> Self {
        let challenge = |scheme: &str| {
            HeaderValue::from_str(&format!("{scheme} realm=\"{realm}\""))
                .expect("a service's name is visible ASCII")
        };
        Self {
            keys: OnceLock::new(),
            signer,
            key_challenge: challenge("ApiKey"),
            bearer_challenge: challenge("Bearer"),
        }
    }

    /// Sets the credentials. A second call changes nothing.
    pub(crate) fn set(&self, credentials: Credentials) {
        let _ = self.keys.set(credentials.keys);
        self.signer.set(credentials.issuer);
    }

    /// The claims of the token, if the operation requires one.
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
        let keys = self.keys.get().ok_or_else(Problem::starting)?;
        let Keys::Here(ring) = keys else { return Ok(()) };
        let client = headers.api_key.single().and_then(|key| ring.client_of(key));
        client.map(drop).ok_or_else(|| {
            let detail = "Exactly one valid key is needed in X-Api-Key.";
            Problem::unauthorized(self.key_challenge.clone(), detail)
        })
    }

    fn check_token(&self, headers: &RequestHeaders<'_>) -> Result<Claims, Problem> {
        let issuer = self.signer.issuer()?;
        let token = headers.authorization.single().and_then(bearer);
        let claims = token.and_then(|token| issuer.verify(token, self.signer.now()).ok());
        claims.ok_or_else(|| {
            let detail = "Exactly one valid token is needed in Authorization: Bearer.";
            Problem::unauthorized(self.bearer_challenge.clone(), detail)
        })
    }
}

/// The token of the scheme `Bearer`. The name of a scheme is case-insensitive (RFC 9110, section 11.1).
fn bearer(value: &[u8]) -> Option<&str> {
    let (scheme, token) = std::str::from_utf8(value).ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}
