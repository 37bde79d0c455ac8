//! What the modules share: the tables, and a call to the service without a socket.

use bytes::Bytes;
use chassis::app::App;
use chassis::auth::{Credentials, Keys};
use chassis::bearer::Issuer;
use chassis::connections::Seat;
use chassis::document::Document;
use chassis::keys::KeyRing;
use http_body_util::{BodyExt, Full};
use hyper::body::Body;
use hyper::header::HeaderMap;
use hyper::{Request, StatusCode};
use parcels::Parcels;
use serde_json::Value;
use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub(crate) const PARCELS: &str = include_str!("../../../contract/parcels/openapi.json");
pub(crate) const KEY: &str = "Test-Key-1";
/// A list that signs tokens.
pub(crate) const SIGNING: &str = "k1:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE";
/// What every clock says.
pub(crate) const NOW: u64 = 1_800_000_000;
/// A weight that is accepted.
pub(crate) const GOOD: &str = r#"{"grams":250}"#;
pub(crate) const BODY_TIMEOUT: Duration = Duration::from_secs(5);

/// A table of `contract/data`.
pub(crate) fn table(name: &str) -> Value {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../contract/data").join(name);
    let shown = path.display();
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{shown}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{shown}: {error}"))
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

pub(crate) fn document() -> Document {
    Document::parse(PARCELS).unwrap()
}

/// A service that waits for its credentials.
pub(crate) fn starting_app() -> App<Parcels> {
    App::new(Parcels::default(), &document(), BODY_TIMEOUT).unwrap().with_clock(|| NOW)
}

/// A service that leaves the keys to the sidecar and has no issuer.
pub(crate) fn open_app() -> App<Parcels> {
    let app = starting_app();
    app.start(Credentials { keys: Keys::Sidecar, issuer: None });
    app
}

/// A service with the key [`KEY`] and the [`issuer`], ready.
pub(crate) fn ready_app() -> Arc<App<Parcels>> {
    let app = starting_app();
    app.start(credentials(&format!("tests:{KEY}")));
    Arc::new(app)
}

/// Keys that are checked here, and the [`issuer`].
pub(crate) fn credentials(keys: &str) -> Credentials {
    Credentials { keys: Keys::Here(KeyRing::parse(keys).unwrap()), issuer: Some(issuer()) }
}

pub(crate) fn issuer() -> Issuer {
    Issuer::new(SIGNING, "tests", "parcels").unwrap()
}

/// The value of `Authorization` for this user.
pub(crate) fn token(user: &str) -> String {
    format!("Bearer {}", issuer().sign(user, "s1", "j1", NOW, 900))
}

pub(crate) async fn call<B>(app: &App<Parcels>, request: Request<B>) -> Reply
where
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>>,
{
    let (parts, body) = app.handle(request, Seat::Regular).await.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Reply {
        status: parts.status,
        headers: parts.headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    }
}

/// A call in one line: the method and the path, the headers, and the body.
pub(crate) async fn ask(
    app: &App<Parcels>,
    head: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Reply {
    let (method, path) = head.split_once(' ').unwrap();
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    call(app, request.body(Full::new(Bytes::copy_from_slice(body.as_bytes()))).unwrap()).await
}

/// A request without a body.
pub(crate) fn request(method: &str, path: &str) -> Request<Full<Bytes>> {
    Request::builder().method(method).uri(path).body(Full::default()).unwrap()
}

/// A good request for a price, with this body.
pub(crate) fn quote_request(body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    Request::post("/quote")
        .header("x-api-key", KEY)
        .header("content-type", "application/json")
        .body(Full::new(body.into()))
        .unwrap()
}

/// A test that cannot run here says so in a form that the test script counts.
pub(crate) fn skipped(name: &str, reason: &str) {
    use std::io::Write;
    // Not println!: the test harness would swallow it.
    let _ = writeln!(std::io::stdout(), "SKIPPED: {name}: {reason}");
}
