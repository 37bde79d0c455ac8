//! What the modules share: the tables, and a call to the API without a socket.

use bytes::Bytes;
use chassis::Service;
use chassis::app::App;
use chassis::auth::{Credentials, Keys};
use chassis::connections::Seat;
use chassis::document::Document;
use chassis::keys::KeyRing;
use http_body_util::{BodyExt, Full};
use hyper::body::Body;
use hyper::header::HeaderMap;
use hyper::{Request, StatusCode};
use serde_json::Value;
use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use sum_api::Sum;

pub(crate) const KEY: &str = "Test-Key-1";
pub(crate) const BODY_TIMEOUT: Duration = Duration::from_secs(5);

/// A table of the folder `contract`.
pub(crate) fn table(name: &str) -> Value {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("contract").join(name);
    let shown = path.display();
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{shown}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{shown}: {error}"))
}

/// How many cases `sum.json` is known to hold: with fewer, a test of all of them would test less than it says.
const CASES: usize = 265;

/// A case of `sum.json`.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) body: Vec<u8>,
    pub(crate) status: u16,
    pub(crate) answer: Option<String>,
    pub(crate) problem: Option<String>,
    pub(crate) member: Option<String>,
}

pub(crate) fn corpus() -> Vec<Case> {
    let text = |case: &Value, field: &str| case.get(field).map(|v| v.as_str().unwrap().to_owned());
    let table = table("sum.json");
    let cases = table.as_array().unwrap().iter().map(|case| Case {
        name: text(case, "name").unwrap(),
        body: match (text(case, "body"), text(case, "body_base64")) {
            (Some(text), None) => text.into_bytes(),
            (None, Some(encoded)) => base64(&encoded),
            _ => panic!("exactly one of body and body_base64: {case}"),
        },
        status: u16::try_from(case["status"].as_u64().unwrap()).unwrap(),
        answer: text(case, "answer"),
        problem: text(case, "problem"),
        member: text(case, "member"),
    });
    let cases: Vec<Case> = cases.collect();
    assert!(cases.len() >= CASES, "{} cases, at least {CASES} are known", cases.len());
    cases
}

/// The few cases that are no text are in base64.
fn base64(text: &str) -> Vec<u8> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for byte in text.bytes().filter(|byte| *byte != b'=') {
        let value = ALPHABET.iter().position(|known| *known == byte).unwrap();
        bits = bits << 6 | u32::try_from(value).unwrap();
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count & 0xff) as u8);
        }
    }
    bytes
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

/// The document of the service.
pub(crate) fn document() -> Document {
    Document::parse(Sum::DOCUMENT).unwrap()
}

/// A service that waits for its keys.
pub(crate) fn starting_app() -> App<Sum> {
    App::new(Sum, &document(), BODY_TIMEOUT).unwrap()
}

/// A service that leaves the keys to the sidecar.
pub(crate) fn open_app() -> App<Sum> {
    let app = starting_app();
    app.start(Credentials { keys: Keys::Sidecar, issuer: None });
    app
}

/// A service with the key [`KEY`], ready.
pub(crate) fn ready_app() -> Arc<App<Sum>> {
    let app = starting_app();
    app.start(credentials(&format!("tests:{KEY}")));
    Arc::new(app)
}

/// Keys that are checked here.
pub(crate) fn credentials(keys: &str) -> Credentials {
    Credentials { keys: Keys::Here(KeyRing::parse(keys).unwrap()), issuer: None }
}

pub(crate) async fn call<B>(app: &App<Sum>, request: Request<B>) -> Reply
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

/// A request without a body.
pub(crate) fn request(method: &str, path: &str) -> Request<Full<Bytes>> {
    Request::builder().method(method).uri(path).body(Full::default()).unwrap()
}

/// A good request for a sum, with this body.
pub(crate) fn sum_request(body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    Request::post("/sum")
        .header("x-api-key", KEY)
        .header("content-type", "application/json")
        .body(Full::new(body.into()))
        .unwrap()
}
