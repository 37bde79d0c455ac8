//! The route table of the contract, row by row.

use contract::http::Request;
use contract::operation::{ANSWER, GOOD, PATH};
use contract::shape::{check, check_problem};
use contract::target::Target;

#[test]
fn health_is_open_to_all() {
    let target = Target::start();
    for (path, body) in [("/healthz", r#"{"status":"ok"}"#), ("/readyz", r#"{"status":"ready"}"#)] {
        let answer = target.ask(&Request::get(path)).expect_status(200);
        check(&answer);
        assert_eq!(answer.text(), body);
        assert_eq!(answer.header("Content-Type"), Some("application/json"));
        assert_eq!(answer.header("RateLimit-Policy"), None, "{path} is not limited");

        let head = target.ask(&Request::new("HEAD", path)).expect_status(200);
        assert_eq!(head.header("Content-Length"), Some(body.len().to_string().as_str()));
    }
}

#[test]
fn a_sum_is_answered_to_a_key() {
    let target = Target::start();
    let answer = target.ask(&Request::sum(target.key(), GOOD)).expect_status(200);
    check(&answer);
    assert_eq!(answer.text(), ANSWER);
    assert_eq!(answer.header("Content-Type"), Some("application/json"));
    assert!(answer.header("RateLimit-Policy").is_some());
    assert_eq!(answer.header("RateLimit"), None, "nginx does not know how much is left");
    assert_eq!(answer.header("Cache-Control"), Some("no-store"));
}

#[test]
fn the_description_is_open_to_all_and_describes_these_routes() {
    let target = Target::start();
    let answer = target.ask(&Request::get("/openapi.json")).expect_status(200);
    check(&answer);
    assert!(answer.header("RateLimit-Policy").is_some(), "it is limited");
    let document = answer.json();
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1.")));
    let paths: Vec<&String> = document["paths"].as_object().expect("paths").keys().collect();
    for path in ["/healthz", "/readyz", PATH, "/openapi.json"] {
        assert!(paths.iter().any(|other| *other == path), "{path} is missing");
    }
    assert_eq!(paths.len(), 4, "{paths:?}");
}

#[test]
fn every_other_route_is_unknown_with_a_key_and_without() {
    let target = Target::start();
    for path in [
        "/",
        "/metrics",
        "/sum/",
        "/healthz/",
        "/SUM",
        "/_problem",
        "/_unauthorized",
        "/favicon.ico",
    ] {
        let bare = target.ask(&Request::get(path));
        check_problem(&bare, 404, "about:blank");
        assert!(bare.header("RateLimit-Policy").is_some(), "{path} is limited");
        let keyed = target.ask(&Request::get(path).header("X-Api-Key", target.key()));
        check_problem(&keyed, 404, "about:blank");
    }
}

#[test]
fn every_other_method_is_refused_and_the_right_ones_are_named() {
    let target = Target::start();
    for path in ["/healthz", "/readyz", "/openapi.json"] {
        for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
            let answer = target.ask(&Request::new(method, path));
            check_problem(&answer, 405, "about:blank");
            assert_eq!(answer.header("Allow"), Some("GET, HEAD"), "{method} {path}");
        }
    }
    for method in ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        let answer = target.ask(&Request::new(method, PATH).header("X-Api-Key", target.key()));
        check_problem(&answer, 405, "about:blank");
        assert_eq!(answer.header("Allow"), Some("POST"), "{method} /sum");
    }
}
