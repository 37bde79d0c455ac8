//! A service on the chassis, called without a socket: every rule here comes from the document.

use crate::document::PARCELS;
use bytes::Bytes;
use chassis::app::App;
use chassis::bearer::Issuer;
use chassis::document::Document;
use chassis::keys::KeyRing;
use chassis::problem::Problem;
use chassis::service::{NO_STORE, json};
use chassis::{Answer, Build, Request, Service};
use http_body_util::{BodyExt, Full};
use hyper::StatusCode;
use serde_json::{Value, json as value};
use std::sync::Arc;
use std::time::Duration;

const KEY: &str = "Parcels-Key-1";
const SIGNING: &str = "k1:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE";
const NOW: u64 = 1_800_000_000;

/// Answers each operation with what it was asked.
#[derive(Debug)]
struct Parcels;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Operation {
    Quote,
    Other(&'static str),
    Slow,
}

impl Service for Parcels {
    type Operation = Operation;

    const DOCUMENT: &'static str = PARCELS;
    const BUILD: Build = Build { version: "1.2.3", revision: None, log_target: "parcels" };

    fn operation(id: &str) -> Option<Operation> {
        Some(match id {
            "quote" => Operation::Quote,
            "latestParcel" => Operation::Slow,
            "listParcels" => Operation::Other("list"),
            "createParcel" => Operation::Other("create"),
            "readParcel" => Operation::Other("read"),
            "deleteParcel" => Operation::Other("delete"),
            "followParcel" => Operation::Other("follow"),
            _ => return None,
        })
    }

    async fn call(&self, operation: Operation, request: Request<'_>) -> Result<Answer, Problem> {
        if operation == Operation::Slow {
            tokio::time::sleep(Duration::from_hours(1)).await;
        }
        let said = value!({
            "operation": format!("{operation:?}"),
            "id": request.parameter("id"),
            "query": request.uri.query(),
            "user": request.token.map(|claims| claims.sub),
            "body": String::from_utf8_lossy(&request.body),
        });
        Ok(json(StatusCode::OK, NO_STORE, said.to_string()))
    }
}

fn app() -> App<Parcels> {
    let document = Document::parse(PARCELS).unwrap();
    let app = App::keyed(Parcels, &document, Duration::from_secs(5)).unwrap();
    app.set_keys(KeyRing::parse(KEY).unwrap());
    app.trusting(Arc::new(issuer()), || NOW)
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

#[tokio::test]
async fn a_request_reaches_the_operation_of_its_path_and_method() {
    let (app, token) = (app(), token());
    for (head, operation, id) in [
        ("GET /parcels", "list", Value::Null),
        ("HEAD /parcels", "list", Value::Null),
        ("GET /parcels/p1", "read", "p1".into()),
        ("GET /parcels/a~b-c_D.9?x=1", "read", "a~b-c_D.9".into()),
        ("DELETE /parcels/p1", "delete", "p1".into()),
        ("GET /parcels/p1/events", "follow", "p1".into()),
        ("GET /parcels/mine/events", "follow", "mine".into()),
    ] {
        let reply = call(&app, head, &[("authorization", &token)], "").await;
        assert_eq!(reply.status, 200, "{head}: {}", reply.body);
        let said = reply.json();
        assert_eq!(said["operation"], format!("Other({operation:?})"), "{head}");
        assert_eq!((&said["id"], &said["user"]), (&id, &"u1".into()), "{head}");
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
    assert_eq!(call(&app, "POST /quote", &[("x-api-key", KEY), json], "{}").await.status, 200);
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
    let app = App::open(Parcels, &document, Duration::from_secs(5)).unwrap();
    assert_eq!(call(&app, "GET /parcels", &[("authorization", &token())], "").await.status, 500);
}

#[tokio::test]
async fn the_document_says_how_large_a_body_may_be_and_of_which_type() {
    let (app, token) = (app(), token());
    let json = ("content-type", "application/json");
    for (head, credentials, max) in [
        ("POST /quote", ("x-api-key", KEY), 1024),
        ("POST /parcels", ("authorization", token.as_str()), 65_536),
    ] {
        let reply = call(&app, head, &[credentials, json], &"x".repeat(max)).await;
        assert_eq!(reply.json()["body"].as_str().unwrap().len(), max, "{head}");
        let reply = call(&app, head, &[credentials, json], &"x".repeat(max + 1)).await;
        assert_eq!(reply.status, 413, "{head}");
        assert!(reply.body.contains(&format!("at most {max} bytes")), "{}", reply.body);
        let reply = call(&app, head, &[credentials, ("content-type", "text/plain")], "{}").await;
        assert_eq!(reply.status, 415, "{head}");
    }
    // No requestBody: ignored on GET, refused on any other method.
    let credentials = [("authorization", token.as_str())];
    assert_eq!(call(&app, "GET /parcels/p1", &credentials, "x").await.status, 200);
    assert_eq!(call(&app, "DELETE /parcels/p1", &credentials, "x").await.status, 413);
    assert_eq!(call(&app, "DELETE /parcels/p1", &credentials, "").await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn an_operation_that_takes_too_long_is_a_504_at_its_deadline() {
    let (app, token) = (app(), token());
    let begun = tokio::time::Instant::now();
    let reply = call(&app, "GET /parcels/mine", &[("authorization", &token)], "").await;
    assert_eq!((reply.status, begun.elapsed().as_secs()), (504, 5));
    assert_eq!(reply.json()["title"], "Gateway Timeout");
}

#[tokio::test]
async fn metrics_have_the_route_and_the_operation_and_no_path() {
    let (app, token) = (app(), token());
    for id in ["p1", "p2", "p3"] {
        call(&app, &format!("GET /parcels/{id}"), &[("authorization", &token)], "").await;
    }
    let metrics = call(&app, "GET /metrics", &[], "").await.body;
    let series = "http_server_request_duration_seconds_count{http_request_method=\"GET\",http_route=\"/parcels/{id}\",\
                  operation=\"readParcel\",http_response_status_code=\"200\"} 3";
    assert!(metrics.contains(series), "{metrics}");
    assert!(metrics.contains("parcels_build_info{version=\"1.2.3\""), "{metrics}");
    assert!(!metrics.contains("p1"), "{metrics}");
}

#[test]
fn a_service_that_lacks_an_operation_of_its_document_does_not_start() {
    let text = PARCELS.replace("\"quote\",", "\"quoteParcel\",");
    let text = text.replace("\"x-limit\": \"quoteParcel\"", "\"x-limit\": \"quote\"");
    let document = Document::parse(&text).unwrap();
    let error = App::open(Parcels, &document, Duration::from_secs(5)).unwrap_err();
    assert!(error.to_string().contains("`quoteParcel`"), "{error}");
}

#[tokio::test]
async fn the_public_document_is_served() {
    let reply = call(&app(), "GET /openapi.json", &[], "").await;
    assert_eq!(reply.body, Document::parse(PARCELS).unwrap().public);
}
