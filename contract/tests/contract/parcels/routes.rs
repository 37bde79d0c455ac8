//! Paths as they are sent, and the methods of each.

use super::{KEY, Parcels, TOKEN, with_token};
use contract::connection::Connection;
use contract::http::{Request, Response};
use contract::own_stack_only;
use contract::shape::check_problem;

fn send(parcels: &Parcels, target: &str) -> Response {
    let mut connection = Connection::open(parcels.sidecar.address).expect("it accepts");
    let head = format!(
        "GET {target} HTTP/1.1\r\nHost: a\r\nAuthorization: {TOKEN}\r\nConnection: close\r\n\r\n"
    );
    connection.send(head.as_bytes()).expect("sent");
    connection.receive().expect("received").expect("answered")
}

#[test]
fn the_service_gets_the_target_that_was_matched_byte_for_byte() {
    own_stack_only!("the_service_gets_the_target_that_was_matched_byte_for_byte");
    let parcels = Parcels::start();
    let longest = format!("/parcels/{}", "x".repeat(64));
    for (target, route, operation) in [
        ("/parcels", "/parcels", "listParcels"),
        ("/parcels?", "/parcels", "listParcels"),
        ("/parcels?a=%2F..%2f//&b=/../;", "/parcels", "listParcels"),
        ("/parcels/mine", "/parcels/mine", "latestParcel"),
        ("/parcels/mine?x=%00", "/parcels/mine", "latestParcel"),
        ("/parcels/mine2", "/parcels/{id}", "readParcel"),
        ("/parcels/Mine", "/parcels/{id}", "readParcel"),
        ("/parcels/...", "/parcels/{id}", "readParcel"),
        ("/parcels/.a", "/parcels/{id}", "readParcel"),
        ("/parcels/A-z.0_9~", "/parcels/{id}", "readParcel"),
        ("/parcels/_op", "/parcels/{id}", "readParcel"),
        (&longest, "/parcels/{id}", "readParcel"),
        ("/parcels/mine/events", "/parcels/{id}/events", "followParcel"),
        ("/parcels/p1/events?since=5", "/parcels/{id}/events", "followParcel"),
    ] {
        let answer = send(&parcels, target);
        assert_eq!(answer.status, 200, "{target}");
        assert_eq!(parcels.stub.latest_head()[0], format!("GET {target} HTTP/1.1"));
        let line = &parcels.sidecar.process.log.of_request(answer.request_id())[0];
        assert_eq!((&line["route"], &line["operation"]), (&route.into(), &operation.into()));
    }
    // The absolute form loses its authority, as RFC 9112 (section 3.2.2) demands of an origin.
    assert_eq!(send(&parcels, "http://example.com/parcels/p1?a=b").status, 200);
    assert_eq!(parcels.stub.latest_head()[0], "GET /parcels/p1?a=b HTTP/1.1");
}

#[test]
fn every_other_spelling_of_a_path_is_unknown() {
    own_stack_only!("every_other_spelling_of_a_path_is_unknown");
    let parcels = Parcels::start();
    let longer = format!("/parcels/{}", "x".repeat(65));
    for target in [
        "/",
        "http://example.com",
        "http://example.com?a",
        "/parcels/",
        "/parcels/.",
        "/parcels/..",
        "/parcels/./p1",
        "/parcels/x/../p1",
        "/parcels/%2e",
        "/parcels/%2e%2e",
        "/parcels/%61",
        "/%70arcels",
        "/parcels%2Fp1",
        "/parcels/a%2Fb",
        "/parcels/a%5Cb",
        "/parcels/a\\b",
        "/parcels/a%0A",
        "/parcels/mine%0A",
        "/parcels/a%3Fb",
        "/parcels/a;b",
        "/parcels;a=b",
        "/parcels/a#b",
        "/parcels#a",
        "//parcels",
        "/parcels//",
        "/parcels//p1",
        "/PARCELS",
        "/Parcels/p1",
        "/parcels/p1/",
        "/parcels/p1/Events",
        "/parcels/p1/events/",
        "/parcels/./events",
        "/parcels/../events",
        "/parcels/p1/events/x",
        "/parcelsx",
        "/parcels/a:b",
        "/parcels/é",
        "/_op/readParcel",
        "/_op/health",
        "/%5Fop/health",
        "/_not_found",
        &longer,
    ] {
        let (answer, forwarded) = parcels.forwards(|| send(&parcels, target));
        assert_eq!((answer.status, forwarded), (404, false), "{target}");
        check_problem(&answer, 404, "about:blank");
        let line = &parcels.sidecar.process.log.of_request(answer.request_id())[0];
        assert_eq!((&line["route"], &line["operation"]), (&"other".into(), &"_other".into()));
    }
    for target in ["/parcels/%00", "/parcels/%zz", "/../parcels", "/parcels?a#b", "/parcels/p1?\""]
    {
        let (answer, forwarded) = parcels.forwards(|| send(&parcels, target));
        assert_eq!((answer.status, forwarded), (400, false), "{target}");
    }
}

/// Each path with what it needs, its methods, and those that it declares.
const PATHS: [(&str, &str, &str, &[&str]); 6] = [
    ("/quote", "key", "POST", &["POST"]),
    ("/parcels", "token", "GET, HEAD, POST", &["GET", "HEAD", "POST"]),
    ("/parcels/mine", "token", "GET, HEAD", &["GET", "HEAD"]),
    ("/parcels/p1", "token", "GET, HEAD, DELETE", &["GET", "HEAD", "DELETE"]),
    ("/parcels/p1/events", "token", "GET, HEAD", &["GET", "HEAD"]),
    ("/healthz", "", "GET, HEAD", &["GET", "HEAD"]),
];
const METHODS: [&str; 9] =
    ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "FROB"];

#[test]
fn a_path_has_the_methods_that_it_declares_and_names_them() {
    own_stack_only!("a_path_has_the_methods_that_it_declares_and_names_them");
    let parcels = Parcels::start();
    for (path, access, allow, declared) in PATHS {
        for method in METHODS {
            let request = Request::new(method, path);
            let credentials = match access {
                "key" => request.clone().header("X-Api-Key", KEY),
                "token" => request.clone().header("Authorization", TOKEN),
                _ => request.clone(),
            };
            // An override changes nothing: neither the method that is checked nor the one that arrives.
            let credentials = credentials.header("X-HTTP-Method-Override", "GET");
            let (answer, forwarded) = parcels.forwards(|| parcels.ask(&credentials));
            let expected = if declared.contains(&method) { 200 } else { 405 };
            assert_eq!((answer.status, forwarded), (expected, expected == 200), "{method} {path}");
            if forwarded {
                let head = parcels.stub.latest_head();
                assert_eq!(head[0], format!("{method} {path} HTTP/1.1"));
                let line = |line: &String| line.to_lowercase().contains("override");
                assert!(!head.iter().any(line), "{head:?}");
            } else {
                assert_eq!(answer.header("Allow"), Some(allow), "{method} {path}");
            }
            // Without credentials nobody learns which methods there are.
            if !access.is_empty() {
                let (answer, forwarded) = parcels.forwards(|| parcels.ask(&request));
                assert_eq!((answer.status, forwarded), (401, false), "{method} {path}");
                let scheme = if access == "key" { "ApiKey" } else { "Bearer" };
                let challenge = format!("{scheme} realm=\"parcels\"");
                assert_eq!(answer.header("WWW-Authenticate"), Some(challenge.as_str()));
            }
        }
    }
}

#[test]
fn a_probe_is_logged_only_when_it_fails_or_somebody_sent_it_through_the_balancer() {
    own_stack_only!(
        "a_probe_is_logged_only_when_it_fails_or_somebody_sent_it_through_the_balancer"
    );
    let parcels = Parcels::start();
    let probes = ["/healthz", "/readyz", "/readyz?shallow=1"];
    for request in probes.map(Request::get) {
        assert_eq!(parcels.ask(&request).status, 200);
        let through = parcels.ask(&request.header("X-Forwarded-For", "198.51.100.7"));
        assert_eq!(through.status, 200);
        let _ = parcels.sidecar.process.log.of_request(through.request_id());
    }
    let refused = parcels.ask(&with_token("PUT", "/readyz"));
    let _ = parcels.sidecar.process.log.of_request(refused.request_id());
    let events = parcels.sidecar.process.log.events();
    let lines = events.iter().filter(|line| line["user_agent"] != "contract-start").count();
    assert_eq!(lines, probes.len() + 1, "{events:?}");
}
