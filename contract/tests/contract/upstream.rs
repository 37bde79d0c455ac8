//! The response to the caller if the API has ended or misbehaves. The sidecar sends no request twice.

use contract::http::Request;
use contract::keyed;
use contract::own_stack_only;
use contract::port;
use contract::shape::{check, check_problem};
use contract::stack::{KEY, Stack};
use contract::stub::{Behavior, Stub};
use std::time::{Duration, Instant};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";

#[test]
fn post_is_sent_once_when_the_api_closes_the_connection() {
    own_stack_only!("post_is_sent_once_when_the_api_closes_the_connection");
    let stub = Stub::start(Behavior::Close);
    let sidecar = Stack::builder().start_sidecar(stub.address);
    check_problem(&sidecar.ask(&keyed::request(KEY)), 502, "about:blank");
    assert_eq!(stub.requests(), 1);
}

#[test]
fn post_on_a_kept_connection_is_sent_once_when_the_api_closes_it() {
    own_stack_only!("post_on_a_kept_connection_is_sent_once_when_the_api_closes_it");
    let stub = Stub::start(Behavior::SayOnce(OK));
    let sidecar = Stack::builder().start_sidecar(stub.address);
    let mut connection = sidecar.connect();
    assert_eq!(connection.ask(&keyed::request(KEY)).expect("answered").status, 200);
    let second = connection.ask(&keyed::request(KEY)).expect("answered");
    check_problem(&second, 502, "about:blank");
    assert_eq!(stub.requests(), 2, "both requests arrived once");
}

#[test]
fn get_is_sent_once_when_the_api_closes_the_connection() {
    own_stack_only!("get_is_sent_once_when_the_api_closes_the_connection");
    let stub = Stub::start(Behavior::Close);
    let sidecar = Stack::builder().start_sidecar(stub.address);
    check_problem(&sidecar.ask(&Request::get("/openapi.json")), 502, "about:blank");
    assert_eq!(stub.requests(), 1);
}

#[test]
fn missing_api_gives_502_immediately() {
    own_stack_only!("missing_api_gives_502_immediately");
    let sidecar = Stack::builder().start_sidecar(port::free());
    for request in [keyed::request(KEY), Request::get("/healthz"), Request::get("/openapi.json")] {
        let started = Instant::now();
        check_problem(&sidecar.ask(&request), 502, "about:blank");
        assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    }
    // A refused connection does not mark the API as unavailable.
    check_problem(&sidecar.ask(&keyed::request("not-a-key-at-all")), 401, "about:blank");
}

#[test]
fn restarted_api_receives_requests_immediately() {
    own_stack_only!("restarted_api_receives_requests_immediately");
    let mut stack = Stack::start();
    assert!(keyed::call().is_like(&stack.ask(&keyed::request(KEY))));
    let address = stack.api.address;
    assert_eq!(stack.api.process.finish(), 0);
    for _ in 0..5 {
        check_problem(&stack.ask(&keyed::request(KEY)), 502, "about:blank");
    }
    stack.api = Stack::builder().start_api_at(address);
    assert!(keyed::call().is_like(&stack.ask(&keyed::request(KEY))));
}

#[test]
fn response_with_a_too_large_head_gives_502() {
    own_stack_only!("response_with_a_too_large_head_gives_502");
    let endless = format!("HTTP/1.1 200 OK\r\nX-Endless: {}\r\n\r\n", "x".repeat(20_000));
    let stub = Stub::start(Behavior::Say(endless.leak()));
    let sidecar = Stack::builder().start_sidecar(stub.address);
    check_problem(&sidecar.ask(&keyed::request(KEY)), 502, "about:blank");
    assert_eq!(stub.requests(), 1);
}

#[test]
fn api_without_keys_is_alive_but_not_ready() {
    own_stack_only!("api_without_keys_is_alive_but_not_ready");
    let stack = Stack::builder().without_ssm().start();
    assert_eq!(
        stack.ask(&Request::get("/healthz")).expect_status(200).text(),
        r#"{"status":"ok"}"#
    );
    let ready = stack.ask(&Request::get("/readyz")).expect_status(503);
    check(&ready);
    assert_eq!(ready.text(), r#"{"status":"starting"}"#);
    check_problem(&stack.ask(&keyed::request(KEY)), 503, "about:blank");
    check_problem(&stack.ask(&keyed::request("not-a-key-at-all")), 401, "about:blank");
}
