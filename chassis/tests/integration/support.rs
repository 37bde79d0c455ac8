//! Helpers of the modules: the sample service and its valid requests.

use bytes::Bytes;
use chassis::app::App;
use chassis::auth::{Credentials, Keys};
use chassis::bearer::Issuer;
use chassis::document::Document;
use chassis::keys::KeyRing;
use chassis::testing;
pub(crate) use chassis::testing::{BODY_TIMEOUT, KEY, NOW, Reply, SIGNING, ask, call, request};
use http_body_util::Full;
use hyper::Request;
use parcels::Parcels;
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;

pub(crate) const PARCELS: &str = include_str!("../../../contract/parcels/openapi.json");
/// A valid weight.
pub(crate) const GOOD: &str = r#"{"grams":250}"#;

/// A table of `contract/data`.
pub(crate) fn table(name: &str) -> Value {
    testing::table(Path::new("../contract/data").join(name))
}

pub(crate) fn document() -> Document {
    testing::document::<Parcels>()
}

/// A service that waits for its credentials.
pub(crate) fn starting_app() -> App<Parcels> {
    testing::starting(Parcels::new)
}

/// A service that does not check keys and has no issuer.
pub(crate) fn open_app() -> App<Parcels> {
    testing::open(Parcels::new)
}

/// A service with the key [`KEY`] and the [`issuer`], ready.
pub(crate) fn ready_app() -> Arc<App<Parcels>> {
    Arc::new(testing::ready(Parcels::new))
}

/// Credentials with these keys and the [`issuer`].
pub(crate) fn credentials(keys: &str) -> Credentials {
    Credentials { keys: Keys::Here(KeyRing::parse(keys).unwrap()), issuer: Some(issuer()) }
}

pub(crate) fn issuer() -> Issuer {
    testing::issuer("parcels")
}

/// The value of `Authorization` for this user.
pub(crate) fn token(user: &str) -> String {
    testing::token("parcels", user)
}

/// A valid request for a price, with this body.
pub(crate) fn quote_request(body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    Request::post("/quote")
        .header("x-api-key", KEY)
        .header("content-type", "application/json")
        .body(Full::new(body.into()))
        .unwrap()
}

/// Reports a test that cannot run, in a form that the test script counts.
pub(crate) fn skipped(name: &str, reason: &str) {
    use std::io::Write;
    // Not println!: the test harness would capture it.
    let _ = writeln!(std::io::stdout(), "SKIPPED: {name}: {reason}");
}
