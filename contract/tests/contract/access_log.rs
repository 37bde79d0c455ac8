//! The sidecar's access log: one JSON object a request, all fields, nothing secret.

use contract::http::Request;
use contract::list::at_least;
use contract::log::Stream;
use contract::operation::{GOOD, PATH};
use contract::own_stack_only;
use contract::stack::{KEY, Stack};
use serde_json::Value;

const TEXTS: [&str; 16] = [
    "time",
    "cause",
    "request_id",
    "trace_id",
    "traceparent",
    "client",
    "address",
    "peer",
    "method",
    "route",
    "upstream_status",
    "upstream_connect_time",
    "upstream_header_time",
    "upstream_response_time",
    "limit",
    "user_agent",
];
const NUMBERS: [&str; 5] = ["epoch", "status", "request_bytes", "response_bytes", "request_time"];

/// The lines but those of the harness's own knocking.
fn lines(stack: &Stack) -> Vec<Value> {
    let lines = stack.sidecar.process.log.events();
    lines.into_iter().filter(|line| line["user_agent"] != "contract-start").collect()
}

/// The fields that a person and a query rely on, and as a number each metric that the line claims to carry.
fn assert_fields(line: &Value) {
    for name in TEXTS {
        assert!(line[name].is_string(), "{name} in {line}");
    }
    for name in NUMBERS {
        assert!(line[name].as_f64().is_some_and(|number| number >= 0.0), "{name} in {line}");
    }
    let metrics = line.pointer("/_aws/CloudWatchMetrics/0/Metrics").and_then(Value::as_array);
    for metric in at_least(4, metrics.expect("the line is a metric record")) {
        let name = metric["Name"].as_str().expect("a metric has a name");
        assert!(line[name].is_number(), "the metric {name} in {line}");
    }
}

#[test]
fn a_request_has_one_line_that_says_everything() {
    own_stack_only!("a_request_has_one_line_that_says_everything");
    let stack = Stack::start();
    let request = Request::sum(KEY, GOOD)
        .header("X-Request-Id", "one-line")
        .header("User-Agent", "a \"quoted\\ agent\"/1");
    let _ = stack.ask(&request).expect_status(200);
    let found = stack.sidecar.process.log.of_request("one-line");
    assert_eq!(found.len(), 1);
    let line = &found[0];
    assert_fields(line);
    for (name, value) in [
        ("client", "acme"),
        ("address", "127.0.0.1"),
        ("peer", "127.0.0.1"),
        ("method", "POST"),
        ("route", PATH),
        ("cause", ""),
        ("upstream_status", "200"),
        ("limit", "PASSED"),
        ("user_agent", "a \"quoted\\ agent\"/1"),
    ] {
        assert_eq!(line[name], value, "{name}");
    }
    assert_eq!(line["status"], 200);
}

#[test]
fn every_kind_of_refusal_has_a_line_with_all_fields() {
    own_stack_only!("every_kind_of_refusal_has_a_line_with_all_fields");
    let stack = Stack::start();
    let id = |request: Request, id: &str| request.header("X-Request-Id", id);
    let cases = [
        (id(Request::new("POST", PATH), "no-key"), 401, "POST", PATH),
        (id(Request::new("DELETE", PATH).header("X-Api-Key", KEY), "method"), 405, "DELETE", PATH),
        (id(Request::get("/nothing?secret=1"), "unknown"), 404, "GET", "other"),
        (id(Request::sum(KEY, " ".repeat(4097)), "large"), 413, "POST", PATH),
        (id(Request::sum(KEY, "{}"), "semantics"), 422, "POST", PATH),
        (id(Request::get("/openapi.json"), "openapi"), 200, "GET", "/openapi.json"),
        (id(Request::new("FROB", "/nothing"), "invented"), 404, "_OTHER", "other"),
    ];
    for (request, status, method, route) in cases {
        let answer = stack.ask(&request).expect_status(status);
        let found = stack.sidecar.process.log.of_request(answer.request_id());
        assert_eq!(found.len(), 1, "{found:?}");
        assert_fields(&found[0]);
        assert_eq!(found[0]["status"], status);
        assert_eq!(
            (found[0]["method"].as_str(), found[0]["route"].as_str()),
            (Some(method), Some(route))
        );
    }
}

/// nginx counts a request behind a body that it throws away, and takes it off the length of the first one.
#[test]
fn a_request_behind_a_discarded_body_leaves_no_negative_length() {
    own_stack_only!("a_request_behind_a_discarded_body_leaves_no_negative_length");
    let stack = Stack::start();
    let body =
        format!("Transfer-Encoding: chunked\r\n\r\n1388\r\n{}\r\n0\r\n\r\n", "x".repeat(5000));
    let behind = format!("GET /nothing HTTP/1.1\r\nHost: a\r\nX-A: {}\r\n\r\n", "y".repeat(2500));
    for head in ["POST /sum", "POST /nothing", "TRACE /nothing"] {
        let mut connection = stack.sidecar.connect();
        let bytes = format!("{head} HTTP/1.1\r\nHost: a\r\n{body}{behind}");
        connection.send(bytes.as_bytes()).expect("sent");
        let answer = connection.receive().expect("received").expect("answered");
        assert_fields(&stack.sidecar.process.log.of_request(answer.request_id())[0]);
    }
}

#[test]
fn what_is_not_http_leaves_a_line_that_is_json() {
    own_stack_only!("what_is_not_http_leaves_a_line_that_is_json");
    let stack = Stack::start();
    for garbage in [
        &b"\x16\x03\x01\x02\r\n\r\n"[..],
        b"GET /\xff\xfe\"\\ HTTP/1.1\r\nHost: a\r\nUser-Agent: \xff\"\r\n\r\n",
    ] {
        let mut connection = stack.sidecar.connect();
        connection.send(garbage).expect("sent");
        let answer = connection.receive().expect("received").expect("answered");
        let found = stack.sidecar.process.log.of_request(answer.request_id());
        assert_eq!(found.len(), 1);
        assert_fields(&found[0]);
    }
}

#[test]
fn only_health_checks_that_fail_are_logged() {
    own_stack_only!("only_health_checks_that_fail_are_logged");
    let stack = Stack::start();
    for path in ["/healthz", "/readyz"] {
        let _ = stack.ask(&Request::get(path)).expect_status(200);
        let _ = stack.ask(&Request::new("HEAD", path)).expect_status(200);
        // A line behind them, so that theirs would be there by now.
        let marker = stack.ask(&Request::get("/nothing"));
        let _ = stack.sidecar.process.log.of_request(marker.request_id());
    }
    // The markers are there.
    let lines = at_least(2, lines(&stack));
    let logged: Vec<&Value> = lines.iter().filter(|line| line["route"] != "other").collect();
    assert!(logged.is_empty(), "{logged:?}");

    assert_eq!(stack.api.process.finish(), 0);
    for path in ["/healthz", "/readyz"] {
        let answer = stack.ask(&Request::get(path)).expect_status(502);
        let found = stack.sidecar.process.log.of_request(answer.request_id());
        assert_eq!((&found[0]["route"], &found[0]["status"]), (&path.into(), &502.into()));
    }
}

#[test]
fn queries_are_not_logged() {
    own_stack_only!("queries_are_not_logged");
    let stack = Stack::start();
    for path in [
        "/sum?token=do-not-log-me",
        "/nothing?token=do-not-log-me",
        "/openapi.json?token=do-not-log-me",
    ] {
        let answer = stack.ask(&Request::get(path).header("X-Api-Key", KEY));
        let _ = stack.sidecar.process.log.of_request(answer.request_id());
    }
    for (log, lines) in [(&stack.sidecar.process.log, 3), (&stack.api.process.log, 1)] {
        let _ = at_least(lines, log.text().lines());
        assert!(!log.text().contains("do-not-log-me"), "{}", log.text());
    }
}

#[test]
fn a_refusal_writes_nothing_to_the_error_log() {
    own_stack_only!("a_refusal_writes_nothing_to_the_error_log");
    let stack = Stack::builder().limited().start();
    for _ in 0..20 {
        let _ = stack.ask(&Request::sum("not-a-key-at-all", "{}"));
        let _ = stack.ask(&Request::get("/nothing"));
    }
    assert_eq!(stack.sidecar.process.finish(), 0);
    let _ = at_least(40, stack.sidecar.process.log.lines(Stream::Out));
    assert_eq!(stack.sidecar.process.log.lines(Stream::Err), Vec::<String>::new());
}
