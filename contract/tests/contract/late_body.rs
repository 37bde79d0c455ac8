//! A body that arrives after the refusal of the request. Either the response has `Connection: close`, or the next
//! request on the connection is answered. A load balancer sends the next request on a connection that stays open.

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

/// Delays between the head and the body. A defect can show at any of them.
const DELAYS: [Duration; 3] = [Duration::ZERO, Duration::from_millis(1), Duration::from_millis(30)];
const ROUNDS: usize = 5;

fn text(method: &str, path: &str) -> Request {
    Request::new(method, path).header("Content-Type", "text/plain").body("thirteen byte")
}

fn keyed(method: &str, path: &str) -> Request {
    text(method, path).header("X-Api-Key", KEY)
}

/// Sends `first` with a late body, then a second request. Returns the faults. `next` is false if no API can serve the
/// second request.
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
        wrong.push(format!("status {} instead of {status}", answer.status));
    }
    if answer.closes() {
        if !connection.is_closed_within(Duration::from_secs(10)) {
            wrong.push("Connection: close, but the connection stays open".into());
        }
    } else if next {
        match connection.ask(&keyed::request(&client_key(30))) {
            Ok(answer) if keyed::call().is_like(&answer) => {}
            other => wrong.push(format!("no Connection: close, but then: {other:?}")),
        }
    } else {
        let answered = connection.ask(&Request::get("/nothing"));
        if answered.is_err() {
            wrong.push(format!("no Connection: close, but then: {answered:?}"));
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
fn connection_after_an_early_refusal_matches_its_header() {
    own_stack_only!("connection_after_an_early_refusal_matches_its_header");
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
            ("a body that is not JSON", keyed::with_body(KEY, "nonsense"), 400),
        ],
        true,
    );
}

#[test]
fn connection_after_a_429_stays_open() {
    own_stack_only!("connection_after_a_429_stays_open");
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
fn connection_after_an_early_502_matches_its_header() {
    own_stack_only!("connection_after_an_early_502_matches_its_header");
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
fn connection_after_a_503_without_keys_matches_its_header() {
    own_stack_only!("connection_after_a_503_without_keys_matches_its_header");
    let stack = Stack::builder().without_ssm().start();
    run(stack.sidecar.address, &[("a valid request", keyed::request(KEY), 503)], false);
}
