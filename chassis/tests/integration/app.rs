//! A service on the chassis, called without a socket: every rule here comes from the document.

use crate::document::PARCELS;
use bytes::Bytes;
use chassis::app::App;
use chassis::auth::{Credentials, Keys};
use chassis::bearer::Issuer;
use chassis::document::Document;
use chassis::keys::KeyRing;
use http_body_util::{BodyExt, Full};
use parcels::Parcels;
use serde_json::Value;
use std::time::Duration;

const KEY: &str = "Parcels-Key-1";
const SIGNING: &str = "k1:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE";
const NOW: u64 = 1_800_000_000;

fn app() -> App<Parcels> {
    let document = Document::parse(PARCELS).unwrap();
    let app = App::new(Parcels::default(), &document, Duration::from_secs(5)).unwrap();
    let keys = Keys::Here(KeyRing::parse(KEY).unwrap());
    app.start(Credentials { keys, issuer: Some(issuer()) });
    app.with_clock(|| NOW)
}

fn issuer() -> Issuer {
    Issuer::new(SIGNING, "tests", "parcels").unwrap()
}

fn token() -> String {
    format!("Bearer {}", issuer().sign("u1", "s1", "j1", NOW, 900))
}

struct Reply {
    status: u16,
    headers: hyper::HeaderMap,
    body: String,
}

impl Reply {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

async fn call(app: &App<Parcels>, head: &str, headers: &[(&str, &str)], body: &str) -> Reply {
    let (method, path) = head.split_once(' ').unwrap();
    let mut request = hyper::Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = Full::new(Bytes::copy_from_slice(body.as_bytes()));
    let (parts, body) = app.handle(request.body(body).unwrap()).await.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Reply {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    }
}

async fn hand_in(app: &App<Parcels>, token: &str) -> Reply {
    let headers = [("authorization", token), ("content-type", "application/json")];
    call(app, "POST /parcels", &headers, r#"{"grams":250}"#).await
}

#[tokio::test]
async fn a_request_reaches_the_operation_of_its_path_and_method() {
    let (app, token) = (app(), token());
    let created = hand_in(&app, &token).await;
    assert_eq!((created.status, created.body.as_str()), (201, r#"{"id":"p1","grams":250}"#));
    for (head, status, says) in [
        ("GET /parcels", 200, r#"[{"id":"p1","grams":250}]"#),
        ("GET /parcels/p1", 200, r#"{"id":"p1","grams":250}"#),
        ("HEAD /parcels/p1", 200, ""),
        // A static segment takes precedence.
        ("GET /parcels/mine", 200, r#"{"id":"p1","grams":250}"#),
        ("GET /parcels/a~b-c_D.9?x=1", 404, "parcel `a~b-c_D.9`"),
        ("GET /parcels/mine/events", 404, "parcel `mine`"),
        ("DELETE /parcels/p1", 204, ""),
        ("GET /parcels/p1", 404, "urn:parcels:problem:no-such-parcel"),
    ] {
        let reply = call(&app, head, &[("authorization", &token)], "").await;
        assert_eq!(reply.status, status, "{head}: {}", reply.body);
        assert!(reply.body.contains(says), "{head}: {}", reply.body);
    }
}

#[tokio::test]
async fn an_operation_knows_whose_token_it_is() {
    let (app, token) = (app(), token());
    hand_in(&app, &token).await;
    let other = format!("Bearer {}", issuer().sign("u2", "s2", "j2", NOW, 900));
    for (token, status) in [(&token, 200), (&other, 404)] {
        let reply = call(&app, "GET /parcels/p1", &[("authorization", token)], "").await;
        assert_eq!(reply.status, status);
    }
}

#[tokio::test]
async fn the_document_says_which_methods_a_path_has() {
    let (app, token) = (app(), token());
    for (head, allow) in [
        ("POST /parcels/p1", "GET, HEAD, DELETE"),
        ("PUT /parcels", "GET, HEAD, POST"),
        // A static path takes precedence for every method.
        ("DELETE /parcels/mine", "GET, HEAD"),
        ("OPTIONS /quote", "POST"),
        ("TRACE /healthz", "GET, HEAD"),
    ] {
        let reply = call(&app, head, &[("authorization", &token), ("x-api-key", KEY)], "").await;
        assert_eq!((reply.status, reply.header("allow")), (405, Some(allow)), "{head}");
    }
    for path in [
        "/",
        "/parcels/",
        "/parcels/p1/",
        "/parcels/p1/x",
        "/Parcels",
        "/parcels/%61",
        "/parcels/..",
    ] {
        assert_eq!(call(&app, &format!("GET {path}"), &[], "").await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn the_document_says_which_credentials_an_operation_requires() {
    let (app, token) = (app(), token());
    let expired = format!("Bearer {}", issuer().sign("u1", "s1", "j1", NOW - 1000, 900));
    for headers in [
        vec![],
        vec![("authorization", "Bearer nonsense")],
        vec![("authorization", "Basic dTpw")],
        vec![("authorization", &token[7..])],
        vec![("authorization", expired.as_str())],
        vec![("authorization", token.as_str()), ("authorization", token.as_str())],
        vec![("x-api-key", KEY)],
    ] {
        let reply = call(&app, "GET /parcels", &headers, "").await;
        assert_eq!(reply.status, 401, "{headers:?}");
        assert_eq!(reply.header("www-authenticate"), Some("Bearer realm=\"parcels\""));
        assert_eq!(reply.json()["type"], "about:blank");
    }
    let json = ("content-type", "application/json");
    let reply = call(&app, "POST /quote", &[("authorization", &token), json], "{}").await;
    assert_eq!(reply.header("www-authenticate"), Some("ApiKey realm=\"parcels\""));
    let reply = call(&app, "POST /quote", &[("x-api-key", KEY), json], r#"{"grams":250}"#).await;
    assert_eq!((reply.status, reply.body.as_str()), (200, r#"{"cents":495}"#));
    assert_eq!(
        call(&app, "GET /parcels", &[("authorization", &token.replace("Bearer", "bearer"))], "")
            .await
            .status,
        200
    );
    for path in ["/healthz", "/readyz", "/openapi.json"] {
        assert_eq!(call(&app, &format!("GET {path}"), &[], "").await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn without_an_issuer_no_token_opens_anything() {
    let document = Document::parse(PARCELS).unwrap();
    let app = App::new(Parcels::default(), &document, Duration::from_secs(5)).unwrap();
    let token = token();
    let headers = [("authorization", token.as_str())];
    assert_eq!(call(&app, "GET /parcels", &headers, "").await.status, 503, "not loaded yet");
    app.start(Credentials { keys: Keys::Sidecar, issuer: None });
    assert_eq!(call(&app, "GET /parcels", &headers, "").await.status, 500);
}

#[tokio::test]
async fn the_document_says_how_large_a_body_may_be_and_of_which_type() {
    let (app, token) = (app(), token());
    let json = ("content-type", "application/json");
    for (head, credentials, max, status) in [
        ("POST /quote", ("x-api-key", KEY), 1024, 200),
        ("POST /parcels", ("authorization", token.as_str()), 65_536, 201),
    ] {
        let weight = r#"{"grams":250}"#;
        let padded = |length: usize| weight.to_owned() + &" ".repeat(length - weight.len());
        let reply = call(&app, head, &[credentials, json], &padded(max)).await;
        assert_eq!(reply.status, status, "{head}");
        let reply = call(&app, head, &[credentials, json], &padded(max + 1)).await;
        assert_eq!(reply.status, 413, "{head}");
        assert!(reply.body.contains(&format!("at most {max} bytes")), "{}", reply.body);
        let reply = call(&app, head, &[credentials, ("content-type", "text/plain")], "{}").await;
        assert_eq!(reply.status, 415, "{head}");
    }
    // No requestBody: ignored on GET, refused on any other method.
    let credentials = [("authorization", token.as_str())];
    hand_in(&app, &token).await;
    assert_eq!(call(&app, "GET /parcels/p2", &credentials, "x").await.status, 200);
    assert_eq!(call(&app, "DELETE /parcels/p2", &credentials, "x").await.status, 413);
    assert_eq!(call(&app, "DELETE /parcels/p2", &credentials, "").await.status, 204);
}

#[tokio::test(start_paused = true)]
async fn an_operation_that_takes_too_long_is_a_504_at_its_deadline() {
    let (app, token) = (app(), token());
    let json = ("content-type", "application/json");
    for (head, credentials, deadline) in [
        ("POST /quote", ("x-api-key", KEY), 800),
        ("POST /parcels", ("authorization", token.as_str()), 5000),
    ] {
        let slow = r#"{"grams":250,"x-note":"slow"}"#;
        let begun = tokio::time::Instant::now();
        let reply = call(&app, head, &[credentials, json], slow).await;
        assert_eq!((reply.status, begun.elapsed().as_millis()), (504, deadline), "{head}");
        assert_eq!(reply.json()["title"], "Gateway Timeout");
    }
}

#[tokio::test]
async fn metrics_have_the_route_and_the_operation_and_no_path() {
    let (app, token) = (app(), token());
    for id in ["p1", "p2", "p3"] {
        hand_in(&app, &token).await;
        call(&app, &format!("GET /parcels/{id}"), &[("authorization", &token)], "").await;
    }
    let metrics = call(&app, "GET /metrics", &[], "").await.body;
    let series = "http_server_request_duration_seconds_count{http_request_method=\"GET\",http_route=\"/parcels/{id}\",\
                  operation=\"readParcel\",http_response_status_code=\"200\"} 3";
    assert!(metrics.contains(series), "{metrics}");
    assert!(metrics.contains("parcels_build_info{version=\"0.1.0\""), "{metrics}");
    assert!(!metrics.contains("p1"), "{metrics}");
}

#[test]
fn a_service_that_lacks_an_operation_of_its_document_does_not_start() {
    let text = PARCELS.replace("\"quote\",", "\"quoteParcel\",");
    let text = text.replace("\"x-limit\": \"quoteParcel\"", "\"x-limit\": \"quote\"");
    let document = Document::parse(&text).unwrap();
    let error = App::new(Parcels::default(), &document, Duration::from_secs(5)).unwrap_err();
    assert!(error.to_string().contains("`quoteParcel`"), "{error}");
}

#[tokio::test]
async fn the_public_document_is_served() {
    let reply = call(&app(), "GET /openapi.json", &[], "").await;
    assert_eq!(reply.body, Document::parse(PARCELS).unwrap().public);
}
