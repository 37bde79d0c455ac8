//! Routes, keys, headers and bodies, called without a socket.

use crate::bodies::with_body;
use crate::support::{
    GOOD, KEY, Reply, call, credentials, open_app, quote_request, ready_app, request, starting_app,
};
use bytes::Bytes;
use chassis::Service;
use http_body_util::{BodyExt, Full};
use hyper::body::Frame;
use hyper::{Request, StatusCode};
use parcels::Parcels;

/// All headers that the API may send. `content-length` and `date` come from hyper.
const ALLOWED: [&str; 7] = [
    "allow",
    "cache-control",
    "connection",
    "content-type",
    "transfer-encoding",
    "www-authenticate",
    "x-request-id",
];

pub(crate) fn check_headers(what: &str, reply: &Reply) {
    for name in reply.headers.keys() {
        assert!(ALLOWED.contains(&name.as_str()), "{what}: {name}");
        assert_eq!(reply.headers.get_all(name).iter().count(), 1, "{what}: {name} twice");
    }
    let error = reply.status.is_client_error() || reply.status.is_server_error();
    let probe = reply.body.starts_with("{\"status\":");
    let kind = reply.header("content-type").unwrap();
    if error && !probe {
        assert_eq!(kind, "application/problem+json", "{what}");
        assert_eq!(reply.json()["request_id"], reply.header("x-request-id").unwrap(), "{what}");
    }
    let unauthorized = reply.status == StatusCode::UNAUTHORIZED;
    assert_eq!(reply.header("www-authenticate").is_some(), unauthorized, "{what}");
    assert_eq!(
        reply.header("allow").is_some(),
        reply.status == StatusCode::METHOD_NOT_ALLOWED,
        "{what}"
    );
    assert!(reply.header("cache-control").is_some(), "{what}");
    // A response that closes has no length, so that the sidecar also closes the caller's connection.
    let closes = reply.header("connection") == Some("close");
    assert_eq!(reply.header("transfer-encoding") == Some("chunked"), closes, "{what}");
}

#[tokio::test]
async fn each_route_answers_only_its_methods() {
    let app = ready_app();
    let methods = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"];
    for (path, allow, status) in [
        ("/healthz", "GET, HEAD", 200),
        ("/readyz", "GET, HEAD", 200),
        ("/openapi.json", "GET, HEAD", 200),
        ("/quote", "POST", 401),
    ] {
        for method in methods {
            let reply = call(&app, request(method, path)).await;
            let what = format!("{method} {path}");
            check_headers(&what, &reply);
            if allow.split(", ").any(|allowed| allowed == method) {
                assert_eq!(reply.status, status, "{what}");
            } else {
                assert_eq!(reply.status, 405, "{what}");
                assert_eq!(reply.header("allow"), Some(allow), "{what}");
            }
        }
    }
}

#[tokio::test]
async fn paths_are_exact() {
    let app = ready_app();
    for path in [
        "/",
        "/quote/",
        "//quote",
        "/QUOTE",
        "/quote/../healthz",
        "/%71uote",
        "/healthz/",
        "/.env",
        "/metrics",
    ] {
        for method in ["GET", "POST"] {
            let reply = call(&app, request(method, path)).await;
            assert_eq!(reply.status, 404, "{path}");
            check_headers(path, &reply);
        }
    }
    assert_eq!(call(&app, request("GET", "/healthz?x=1")).await.status, 200);
}

#[tokio::test]
async fn only_openapi_document_is_cacheable() {
    let app = ready_app();
    for path in ["/healthz", "/readyz", "/metrics", "/quote", "/nothing"] {
        assert_eq!(
            call(&app, request("GET", path)).await.header("cache-control"),
            Some("no-store"),
            "{path}"
        );
    }
    let description = call(&app, request("GET", "/openapi.json")).await;
    assert_eq!(description.header("cache-control"), Some("public, max-age=300"));
}

#[tokio::test]
async fn readiness_depends_on_keys_and_stop_signal() {
    let app = starting_app();
    let readyz = async || {
        let reply = call(&app, request("GET", "/readyz")).await;
        (reply.status.as_u16(), reply.body)
    };
    assert_eq!(readyz().await, (503, "{\"status\":\"starting\"}".into()));
    let early = call(&app, quote_request(GOOD)).await;
    assert_eq!(early.status, 503);
    check_headers("starting", &early);
    assert_eq!(call(&app, request("GET", "/healthz")).await.status, 200);

    app.start(credentials(KEY));
    assert_eq!(readyz().await, (200, "{\"status\":\"ready\"}".into()));
    assert_eq!(call(&app, quote_request(GOOD)).await.body, "{\"cents\":495}");

    app.drain();
    assert_eq!(readyz().await, (503, "{\"status\":\"draining\"}".into()));
    assert_eq!(
        call(&app, quote_request(GOOD)).await.body,
        "{\"cents\":495}",
        "new requests are still served"
    );
    assert_eq!(call(&app, request("GET", "/healthz")).await.status, 200);
}

#[tokio::test]
async fn keys_are_set_once() {
    let app = ready_app();
    app.start(credentials("another-key"));
    assert_eq!(call(&app, quote_request(GOOD)).await.status, 200);
}

#[tokio::test]
async fn exactly_one_valid_key_is_accepted() {
    let app = ready_app();
    let lower = KEY.to_lowercase();
    let cases: [(&[&str], u16); 9] = [
        (&[KEY], 200),
        (&[], 401),
        (&[""], 401),
        (&[&lower], 401),
        (&["Test-Key-11"], 401),
        (&["tests:Test-Key-1"], 401),
        (&[KEY, KEY], 401),
        (&["other-key-1", KEY], 401),
        (&[KEY, "other-key-1"], 401),
    ];
    let mut refusals = Vec::new();
    for (keys, status) in cases {
        let mut request = quote_request(GOOD);
        request.headers_mut().remove("x-api-key");
        for key in keys {
            request.headers_mut().append("x-api-key", key.parse().unwrap());
        }
        request.headers_mut().insert("x-request-id", "same".parse().unwrap());
        let reply = call(&app, request).await;
        assert_eq!(reply.status, status, "{keys:?}");
        check_headers(&format!("{keys:?}"), &reply);
        if status == 401 {
            refusals.push(reply.body);
        }
    }
    assert_eq!(refusals.len(), 8);
    refusals.dedup();
    assert_eq!(refusals.len(), 1, "missing, wrong and doubled keys get the same answer");
}

#[tokio::test]
async fn without_key_check_every_caller_is_accepted() {
    let app = open_app();
    assert_eq!(call(&app, request("GET", "/readyz")).await.status, 200);
    let mut request = quote_request(GOOD);
    request.headers_mut().remove("x-api-key");
    assert_eq!(call(&app, request).await.body, "{\"cents\":495}");
}

#[tokio::test]
async fn the_content_type_must_be_json() {
    let app = ready_app();
    for (declared, status) in [
        (&["application/json"][..], 200),
        (&["application/json; charset=utf-8"], 200),
        (&["application/json;charset=utf-8"], 200),
        (&["application/json ; q=\";\""], 200),
        (&["Application/JSON"], 200),
        (&[], 415),
        (&[""], 415),
        (&["text/json"], 415),
        (&["application/jsonx"], 415),
        (&["application/json-seq"], 415),
        (&["application/json, text/plain"], 415),
        (&["application/problem+json"], 415),
        (&["application/x-www-form-urlencoded"], 415),
        (&["application/json", "application/json"], 415),
    ] {
        let mut request = quote_request(GOOD);
        request.headers_mut().remove("content-type");
        for value in declared {
            request.headers_mut().append("content-type", value.parse().unwrap());
        }
        let reply = call(&app, request).await;
        assert_eq!(reply.status, status, "{declared:?}");
        check_headers(&format!("{declared:?}"), &reply);
    }
}

#[tokio::test]
async fn request_with_several_faults_reports_first() {
    let app = ready_app();
    let large = || Full::new(Bytes::from(vec![b' '; 5000]));
    let post = || Request::post("/quote");
    let keyed = || post().header("x-api-key", KEY);
    let json = || keyed().header("content-type", "application/json");
    for (request, status) in [
        (Request::get("/quote").body(large()), 405),
        (post().body(large()), 401),
        (keyed().body(large()), 415),
        (json().body(large()), 413),
        (json().body(Full::from("[")), 400),
        (json().body(Full::from("[]")), 422),
    ] {
        assert_eq!(call(&app, request.unwrap()).await.status, status);
    }
}

#[tokio::test]
async fn valid_id_is_kept_in_header_and_body() {
    let app = ready_app();
    for (sent, kept) in [("from-caller_1.x", true), ("not sane", false), ("", false)] {
        let mut request = request("GET", "/nothing");
        request.headers_mut().insert("x-request-id", sent.parse().unwrap());
        let reply = call(&app, request).await;
        let id = reply.header("x-request-id").unwrap();
        assert_eq!(id == sent, kept, "{sent}");
        assert_eq!(reply.json()["request_id"], id);
    }
}

#[tokio::test]
async fn panic_gets_500_and_next_request_is_served() {
    let app = ready_app();
    let body = Full::from(GOOD)
        .map_frame(|_: Frame<Bytes>| -> Frame<Bytes> { panic!("seeded by a test") });
    let reply = call(&app, with_body(body)).await;
    assert_eq!(reply.status, 500);
    assert_eq!(reply.header("connection"), Some("close"));
    check_headers("500", &reply);
    assert!(!reply.body.contains("seeded"), "the cause must be only in the log: {}", reply.body);
    assert_eq!(call(&app, quote_request(GOOD)).await.body, "{\"cents\":495}");
    let metrics = app.metrics().exposition().encode();
    assert!(metrics.contains("\nhttp_server_active_requests 0\n"), "{metrics}");
}

#[tokio::test]
async fn metrics_count_by_method_route_and_status() {
    let app = ready_app();
    for _ in 0..3 {
        call(&app, quote_request(GOOD)).await;
    }
    call(&app, quote_request("[")).await;
    call(&app, request("GET", "/some/path/of/a/scanner")).await;
    call(&app, request("BREW", "/quote")).await;
    let metrics = app.metrics().exposition().encode();
    let count = |method: &str, route: &str, operation: &str, status: u16| {
        format!(
            "http_server_request_duration_seconds_count{{http_request_method=\"{method}\",\
             http_route=\"{route}\",operation=\"{operation}\",http_response_status_code=\"{status}\"}}"
        )
    };
    for (series, expected) in [
        (count("POST", "/quote", "quote", 200), 3),
        (count("POST", "/quote", "quote", 400), 1),
        (count("GET", "", "", 404), 1),
        (count("_OTHER", "/quote", "", 405), 1),
    ] {
        assert!(metrics.contains(&format!("{series} {expected}\n")), "{series}: {metrics}");
    }
    assert!(!metrics.contains("scanner"), "callers cannot create series");
    assert!(
        metrics.contains(&format!("parcels_build_info{{version=\"{}\"", Parcels::BUILD.version))
    );
    assert!(metrics.ends_with("# EOF\n"));
}
