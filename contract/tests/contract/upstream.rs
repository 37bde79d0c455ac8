//! What the caller sees when the API is gone, silent, slow or strange; and that nothing is sent twice.

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
fn a_post_that_breaks_off_is_sent_once() {
    own_stack_only!("a_post_that_breaks_off_is_sent_once");
    let stub = Stub::start(Behavior::Close);
    let sidecar = Stack::builder().start_sidecar(stub.address);
    check_problem(&sidecar.ask(&keyed::request(KEY)), 502, "about:blank");
    assert_eq!(stub.requests(), 1);
}

#[test]
fn a_post_on_a_kept_connection_that_breaks_off_is_sent_once() {
    own_stack_only!("a_post_on_a_kept_connection_that_breaks_off_is_sent_once");
    let stub = Stub::start(Behavior::SayOnce(OK));
    let sidecar = Stack::builder().start_sidecar(stub.address);
    let mut connection = sidecar.connect();
    assert_eq!(connection.ask(&keyed::request(KEY)).expect("answered").status, 200);
    let second = connection.ask(&keyed::request(KEY)).expect("answered");
    check_problem(&second, 502, "about:blank");
    assert_eq!(stub.requests(), 2, "two requests were asked for, two arrived");
}

#[test]
fn a_get_that_breaks_off_is_sent_once_too() {
    own_stack_only!("a_get_that_breaks_off_is_sent_once_too");
    let stub = Stub::start(Behavior::Close);
    let sidecar = Stack::builder().start_sidecar(stub.address);
    check_problem(&sidecar.ask(&Request::get("/openapi.json")), 502, "about:blank");
    assert_eq!(stub.requests(), 1);
}

#[test]
fn nobody_there_is_a_502_at_once() {
    own_stack_only!("nobody_there_is_a_502_at_once");
    let sidecar = Stack::builder().start_sidecar(port::free());
    for request in [keyed::request(KEY), Request::get("/healthz"), Request::get("/openapi.json")] {
        let started = Instant::now();
        check_problem(&sidecar.ask(&request), 502, "about:blank");
        assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    }
    // It comes back without being told: one refused connection does not put the API out of use.
    check_problem(&sidecar.ask(&keyed::request("not-a-key-at-all")), 401, "about:blank");
}

#[test]
fn the_api_is_used_again_as_soon_as_it_is_back() {
    own_stack_only!("the_api_is_used_again_as_soon_as_it_is_back");
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
fn an_answer_with_an_endless_head_is_a_502() {
    own_stack_only!("an_answer_with_an_endless_head_is_a_502");
    let endless = format!("HTTP/1.1 200 OK\r\nX-Endless: {}\r\n\r\n", "x".repeat(20_000));
    let stub = Stub::start(Behavior::Say(endless.leak()));
    let sidecar = Stack::builder().start_sidecar(stub.address);
    check_problem(&sidecar.ask(&keyed::request(KEY)), 502, "about:blank");
    assert_eq!(stub.requests(), 1);
}

#[test]
fn an_api_that_has_no_keys_yet_is_alive_and_not_ready() {
    own_stack_only!("an_api_that_has_no_keys_yet_is_alive_and_not_ready");
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
