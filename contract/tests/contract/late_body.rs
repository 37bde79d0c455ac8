//! A body that arrives after the request was refused. The response says that the connection closes, or the next
//! request on it is answered: a load balancer that is told to keep a connection sends the next request on it.

use contract::connection::Connection;
use contract::http::Request;
use contract::keyed;
use contract::own_stack_only;
use contract::shape::faults;
use contract::stack::{Builder, KEY, Server, Stack, client_key};
use contract::stub::{Behavior, Stub};
use std::net::SocketAddr;
use std::thread::sleep;
use std::time::Duration;

/// Between the head and the body. The race is lost at any of them.
const DELAYS: [Duration; 3] = [Duration::ZERO, Duration::from_millis(1), Duration::from_millis(30)];
const ROUNDS: usize = 5;

fn text(method: &str, path: &str) -> Request {
    Request::new(method, path).header("Content-Type", "text/plain").body("thirteen byte")
}

fn keyed(method: &str, path: &str) -> Request {
    text(method, path).header("X-Api-Key", KEY)
}

/// Sends `first` with its body late, then a request that is served; says what is wrong. `ask_next` is false when
/// nobody can serve it.
fn wrong(
    address: SocketAddr,
    first: &Request,
    status: u16,
    delay: Duration,
    next: bool,
) -> Vec<String> {
    let mut connection = Connection::open(address).expect("it accepts");
    let (head, bytes) = (first.head("late"), first.bytes("late"));
    connection.send(&head).expect("sent");
    sleep(delay);
    let sent = connection.send(&bytes[head.len()..]);
    let answer = match connection.receive() {
        Ok(Some(answer)) => answer,
        other => return vec![format!("{other:?}, body sent: {sent:?}")],
    };
    let mut wrong = faults(&answer, false);
    if answer.status != status {
        wrong.push(format!("{} and not {status}", answer.status));
    }
    if answer.closes() {
        if !connection.is_closed_within(Duration::from_secs(10)) {
            wrong.push("it says that it closes and stays".into());
        }
    } else if next {
        match connection.ask(&keyed::request(&client_key(30))) {
            Ok(answer) if keyed::call().is_like(&answer) => {}
            other => wrong.push(format!("it says that it stays, then: {other:?}")),
        }
    } else {
        let answered = connection.ask(&Request::get("/nothing"));
        if answered.is_err() {
            wrong.push(format!("it says that it stays, then: {answered:?}"));
        }
    }
    wrong
}

fn run(address: SocketAddr, cases: &[(&str, Request, u16)], next: bool) {
    let mut failed = Vec::new();
    for (name, request, status) in cases {
        for (framing, request) in
            [("length", request.clone()), ("chunks", request.clone().chunked())]
        {
            for delay in DELAYS {
                for _ in 0..ROUNDS {
                    let wrong = wrong(address, &request, *status, delay, next);
                    if !wrong.is_empty() {
                        failed.push(format!("{name}, {framing}, {delay:?} late: {wrong:?}"));
                    }
                }
            }
        }
    }
    assert!(failed.is_empty(), "{} fail:\n{}", failed.len(), failed.join("\n"));
}

#[test]
fn a_refusal_before_the_body_closes_or_keeps_as_it_says() {
    own_stack_only!("a_refusal_before_the_body_closes_or_keeps_as_it_says");
    let stack = Stack::start();
    let two_keys = keyed::request(KEY).header("X-Api-Key", KEY);
    run(
        stack.sidecar.address,
        &[
            ("another type", keyed("POST", &keyed::path()), 415),
            ("another method", keyed("PUT", &keyed::path()), 405),
            ("another method with a body", keyed("GET", &keyed::path()), 405),
            ("a method of a health check", text("POST", "/healthz"), 405),
            ("two keys", two_keys, 401),
            ("no key", text("POST", &keyed::path()), 401),
            ("an unknown path", text("POST", "/nothing"), 404),
            ("an invalid query", text("POST", "/healthz?\""), 400),
            ("a health check with a body", text("GET", "/healthz"), 200),
            ("a description with a body", text("GET", "/openapi.json"), 200),
            ("TRACE with a body", keyed("TRACE", &keyed::path()), 405),
            ("TRACE of nothing with a body", text("TRACE", "/nothing"), 404),
            ("a body that is too large", keyed::too_large(KEY), 413),
            ("a valid request", keyed::request(KEY), keyed::call().status),
            ("no JSON", keyed::with_body(KEY, "nonsense"), 400),
        ],
        true,
    );
}

#[test]
fn a_request_over_the_limit_closes_or_keeps_as_it_says() {
    own_stack_only!("a_request_over_the_limit_closes_or_keeps_as_it_says");
    let stack =
        Stack::builder().sidecar("RATE_LIMIT", "1").sidecar("RATE_LIMIT_BURST", "1").start();
    let over = client_key(1);
    let spend = || {
        let mut connection = stack.sidecar.connect();
        for _ in 0..3 {
            let _ = connection.ask(&keyed::request(&over)).expect("answered");
        }
    };
    for delay in DELAYS {
        spend();
        let mut connection = stack.sidecar.connect();
        let request = keyed::request(&over);
        let (head, bytes) = (request.head("late"), request.bytes("late"));
        connection.send(&head).expect("sent");
        sleep(delay);
        connection.send(&bytes[head.len()..]).expect("sent");
        let answer = connection.receive().expect("received").expect("answered");
        assert_eq!(answer.status, 429, "{delay:?}");
        assert!(!answer.closes());
        assert_eq!(connection.ask(&Request::get("/healthz")).expect("answered").status, 200);
    }
}

#[test]
fn an_api_that_fails_before_the_body_closes_as_it_says() {
    own_stack_only!("an_api_that_fails_before_the_body_closes_as_it_says");
    let gone = |builder: Builder, behavior| -> Server {
        builder.start_sidecar(Stub::start(behavior).address)
    };
    let refused = Stack::builder().start_sidecar(contract::port::free());
    let closed = gone(Stack::builder(), Behavior::Close);
    for sidecar in [&refused, &closed] {
        run(
            sidecar.address,
            &[
                ("a valid request", keyed::request(KEY), 502),
                ("a health check", text("GET", "/healthz"), 502),
            ],
            false,
        );
    }
}

#[test]
fn an_api_that_has_no_keys_yet_closes_or_keeps_as_it_says() {
    own_stack_only!("an_api_that_has_no_keys_yet_closes_or_keeps_as_it_says");
    let stack = Stack::builder().without_ssm().start();
    run(stack.sidecar.address, &[("a valid request", keyed::request(KEY), 503)], false);
}
