//! Tokens of the owners of parcels, so that a test signs in as a caller does.
//!
//! The keys are those with which the chassis checks tokens. It refuses bad ones itself before it serves.

use chassis::bearer::Issuer;
use chassis::problem::Problem;
use std::env;
use std::time::{SystemTime, UNIX_EPOCH};

/// How long a token is valid, in seconds.
const LIFETIME: u64 = 3600;
/// The chassis's default of both claims: the name of the service.
const NAME: &str = "parcels";

/// The issuer of `JWT_KEYS`; `None` when they are unset or not valid.
pub(crate) fn issuer() -> Option<Issuer> {
    let claim = |variable| env::var(variable).unwrap_or_else(|_| NAME.into());
    let keys = env::var("JWT_KEYS").ok()?;
    Issuer::new(&keys, &claim("JWT_ISSUER"), &claim("JWT_AUDIENCE")).ok()
}

/// A token of an owner.
pub(crate) fn issue(issuer: Option<&Issuer>, owner: &str) -> Result<String, Problem> {
    let issuer = issuer.ok_or_else(|| Problem::internal("JWT_KEYS is not set"))?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    Ok(issuer.sign(owner, "session", "token", now, LIFETIME))
}
