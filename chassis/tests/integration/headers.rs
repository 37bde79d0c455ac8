//! An operation reads only the header and cookie parameters of its document.

use crate::support::{BODY_TIMEOUT, GOOD, PARCELS, ask, call, issuer, ready_app, token};
use bytes::Bytes;
use chassis::answer::{NO_STORE, json};
use chassis::app::App;
use chassis::auth::{Credentials, Keys};
use chassis::document::Document;
use chassis::problem::Problem;
use chassis::{Answer, Build, Context, Request, Service};
use http_body_util::Full;
use hyper::StatusCode;

/// A service that answers with the headers it can read.
#[derive(Debug)]
struct Reads;

impl Service for Reads {
    type Operation = ();

    const DOCUMENT: &'static str = PARCELS;
    const BUILD: Build = Build { version: "1.2.3", revision: None, log_target: "reads" };

    fn operation(_: &str) -> Option<()> {
        Some(())
    }

    async fn call(&self, (): (), request: Request<'_>) -> Result<Answer, Problem> {
        let headers = ["if-match", "X-Debug", "Host", "Authorization", "X-Request-Id"];
        let headers: Result<Vec<_>, _> = headers.iter().map(|name| request.header(name)).collect();
        let cookies = ["theme", "session"].map(|name| request.cookie(name));
        Ok(json(StatusCode::OK, NO_STORE, format!("{:?} {cookies:?}", headers?)))
    }
}

async fn reads(method: &str, headers: &[(&str, &[u8])]) -> (u16, String) {
    let cookie = r#""parameters": [{ "name": "theme", "in": "cookie", "schema": { "type": "string" } },
          { "name": "If-Match","#;
    let document =
        PARCELS.replace("\"parameters\": [\n          { \"name\": \"If-Match\",", cookie);
    assert!(document.contains("theme"));
    let document = Document::parse(&document).unwrap();
    let context = Context::with_clock(chassis::testing::clock());
    let app = App::with_context(Reads, &document, BODY_TIMEOUT, &context).unwrap();
    app.start(Credentials { keys: Keys::Sidecar, issuer: Some(issuer()) });
    let mut request = hyper::Request::builder().method(method).uri("/parcels/p1");
    request = request.header("authorization", token("u1")).header("host", "x");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::<Bytes>::default()).unwrap();
    let reply = call(&app, request).await;
    (reply.status.as_u16(), reply.body)
}

#[tokio::test]
async fn operation_reads_only_declared_headers() {
    let sent: [(&str, &[u8]); 5] = [
        ("if-match", b"\"250\""),
        ("x-debug", b"1"),
        ("x-request-id", b"id-1"),
        ("cookie", b"session=secret; theme=dark"),
        ("cookie", b"theme=light"),
    ];
    let (status, said) = reads("DELETE", &sent).await;
    let expected = r#"[Some("\"250\""), None, None, None, None] [Some("dark"), None]"#;
    assert_eq!((status, said.as_str()), (200, expected));
    // The same head for an operation that declares none of it.
    let (status, said) = reads("GET", &sent).await;
    assert_eq!((status, said.as_str()), (200, "[None, None, None, None, None] [None, None]"));
    let (status, said) = reads("DELETE", &[]).await;
    assert_eq!((status, said.as_str()), (200, "[None, None, None, None, None] [None, None]"));
}

#[tokio::test]
async fn ambiguous_declared_header_gets_400() {
    let twice: [(&str, &[u8]); 2] = [("if-match", b"\"1\""), ("if-match", b"\"2\"")];
    for sent in [&twice[..], &[("if-match", b"\xff")]] {
        let (status, said) = reads("DELETE", sent).await;
        assert_eq!(status, 400, "{said}");
        assert!(said.contains("The header if-match must be given at most once"), "{said}");
        assert_eq!(reads("GET", sent).await.0, 200, "that operation does not declare the header");
    }
}

#[tokio::test]
async fn no_header_changes_the_method() {
    let (app, token) = (ready_app(), token("u1"));
    let json = ("content-type", "application/json");
    ask(&app, "POST /parcels", &[("authorization", &token), json], GOOD).await;
    for name in ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"] {
        let headers = [("authorization", token.as_str()), (name, "DELETE")];
        assert_eq!(ask(&app, "GET /parcels/p1", &headers, "").await.status, 200, "{name}");
        let reply = ask(&app, "POST /parcels/p1?_method=DELETE", &headers, "").await;
        assert_eq!(reply.status, 405, "{name}");
    }
    for (tag, status) in [("\"1\"", 412), ("\"250\"", 204)] {
        let headers = [("authorization", token.as_str()), ("if-match", tag)];
        assert_eq!(ask(&app, "DELETE /parcels/p1", &headers, "").await.status, status, "{tag}");
    }
}
