//! Helpers for the tests of every service, with the feature `test-support`. They call a service without a socket, read
//! its tables, and compare its document with its answers.
//!
//! ```toml
//! [dev-dependencies]
//! chassis = { path = "../../chassis", features = ["test-support"] }
//! ```
//!
//! Every error is a panic, because a panic makes a test fail.

#![expect(
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    reason = "a panic makes a test fail, also in a helper of tests"
)]

mod answers;
mod described;

pub use answers::{Answered, answers, answers_as};
pub use described::{check_document, compare};

use crate::answer::{Answer, Body as AnswerBody};
use crate::app::App;
use crate::auth::{Credentials, Keys};
use crate::bearer::Issuer;
use crate::clock::Clock;
use crate::connections::Seat;
use crate::context::Context;
use crate::document::Document;
use crate::keys::KeyRing;
use crate::service::Service;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Body;
use hyper::header::HeaderMap;
use hyper::{Request, StatusCode};
use serde_json::Value;
use std::error::Error;
use std::path::Path;
use std::time::Duration;

/// A key that [`ready`] accepts.
pub const KEY: &str = "Test-Key-1";
/// A list that signs tokens.
pub const SIGNING: &str = "k1:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE";
/// The time of every clock, in seconds since 1970.
pub const NOW: u64 = 1_800_000_000;
/// Time limit for a body.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(5);

/// A table in JSON. The path is relative to the package, the folder in which Cargo runs its tests.
#[must_use]
pub fn table(path: impl AsRef<Path>) -> Value {
    let shown = path.as_ref().display();
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{shown}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{shown}: {error}"))
}

/// An answer, read to its end. For a stream, it contains the first piece.
#[derive(Debug)]
pub struct Reply {
    /// Its status.
    pub status: StatusCode,
    /// Its headers, without those that the server adds, such as `Date`.
    pub headers: HeaderMap,
    /// Its body.
    pub body: String,
}

impl Reply {
    /// The value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The body, which must be JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    async fn read(answer: Answer) -> Self {
        let (parts, mut body) = answer.into_parts();
        let body = if matches!(body, AnswerBody::Stream(_)) {
            body.frame().await.and_then(|frame| frame.unwrap().into_data().ok()).unwrap_or_default()
        } else {
            body.collect().await.unwrap().to_bytes()
        };
        let body = String::from_utf8(body.to_vec()).unwrap();
        Self { status: parts.status, headers: parts.headers, body }
    }
}

/// The document of a service.
#[must_use]
pub fn document<S: Service>() -> Document {
    Document::parse(S::DOCUMENT).unwrap()
}

/// A clock that stands still at [`NOW`].
#[must_use]
pub fn clock() -> Clock {
    Clock::new(|| Duration::from_secs(NOW))
}

/// A service that waits for its credentials.
pub fn starting<S: Service>(make: impl FnOnce(&Context) -> S) -> App<S> {
    let context = Context::with_clock(clock());
    App::with_context(make(&context), &document::<S>(), BODY_TIMEOUT, &context).unwrap()
}

/// A service that leaves the keys to the sidecar and trusts no token.
pub fn open<S: Service>(make: impl FnOnce(&Context) -> S) -> App<S> {
    let app = starting(make);
    app.start(Credentials { keys: Keys::Sidecar, issuer: None });
    app
}

/// A service with the key [`KEY`] and the [`issuer`] of its name.
pub fn ready<S: Service>(make: impl FnOnce(&Context) -> S) -> App<S> {
    let app = starting(make);
    let keys = Keys::Here(KeyRing::parse(&format!("tests:{KEY}")).unwrap());
    app.start(Credentials { keys, issuer: Some(issuer(app.name())) });
    app
}

/// The issuer of the tokens for a service of this name.
#[must_use]
pub fn issuer(service: &str) -> Issuer {
    Issuer::new(SIGNING, "tests", service).unwrap()
}

/// The value of `Authorization` for a user of the service of this name.
#[must_use]
pub fn token(service: &str, user: &str) -> String {
    format!("Bearer {}", issuer(service).sign(user, "s1", "j1", NOW, 900))
}

/// Calls a service.
pub async fn call<S, B>(app: &App<S>, request: Request<B>) -> Reply
where
    S: Service,
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>>,
{
    Reply::read(app.handle(request, Seat::Regular).await).await
}

/// Calls a service with a method and a path, headers, and a body.
pub async fn ask<S: Service>(
    app: &App<S>,
    head: &str,
    headers: &[(&str, &str)],
    body: impl AsRef<[u8]>,
) -> Reply {
    let (method, path) = head.split_once(' ').unwrap();
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    call(app, request.body(Full::new(Bytes::copy_from_slice(body.as_ref()))).unwrap()).await
}

/// A call with the [`KEY`] and a JSON body.
pub async fn ask_json<S: Service>(app: &App<S>, head: &str, body: impl AsRef<[u8]>) -> Reply {
    let headers = [("x-api-key", KEY), ("content-type", "application/json")];
    ask(app, head, &headers, body).await
}

/// A request without a body.
#[must_use]
pub fn request(method: &str, path: &str) -> Request<Full<Bytes>> {
    Request::builder().method(method).uri(path).body(Full::default()).unwrap()
}
