//! Clients that are too slow: answered where they can be, closed in any case, and nobody waits for them.

use contract::connection::Connection;
use contract::http::Request;
use contract::operation::GOOD;
use contract::own_stack_only;
use contract::shape::check_problem;
use contract::stack::{KEY, Stack};
use contract::stub::{Manner, Stub};
use std::time::{Duration, Instant};

const SOON: Duration = Duration::from_secs(15);

/// Sends the head and half of the body.
fn begin(connection: &mut Connection) {
    let bytes = Request::sum(KEY, GOOD).bytes("slow");
    connection.send(&bytes[..bytes.len() - 7]).expect("sent");
}

#[test]
fn a_slow_body_is_answered_with_408_and_closed() {
    own_stack_only!("a_slow_body_is_answered_with_408_and_closed");
    let stack = Stack::start();
    let mut connection = stack.sidecar.connect();
    let started = Instant::now();
    begin(&mut connection);
    let answer = connection.receive().expect("received").expect("answered");
    check_problem(&answer, 408, "about:blank");
    assert!(answer.closes());
    assert!(started.elapsed() >= Duration::from_millis(4500), "{:?}", started.elapsed());
    assert!(connection.is_closed_within(SOON));
    // The API's deadline came first: it is the one that can answer.
    let line = stack.sidecar.process.log.of_request(answer.request_id()).remove(0);
    assert_eq!(line["upstream_status"], "408", "{line}");
}

#[test]
fn a_body_in_drops_has_the_same_deadline() {
    own_stack_only!("a_body_in_drops_has_the_same_deadline");
    let stack = Stack::builder().api("BODY_TIMEOUT", "1s").start();
    let mut connection = stack.sidecar.connect();
    let request = Request::sum(KEY, " ".repeat(4000));
    connection.send(&request.head("slow")).expect("sent");
    let started = Instant::now();
    // A byte at a time never lets a timeout between two reads run out.
    while started.elapsed() < Duration::from_secs(10) {
        if connection.send(b" ").is_err() {
            break;
        }
        connection.patience(Duration::from_millis(100)).expect("set");
        match connection.receive() {
            Ok(Some(answer)) => {
                check_problem(&answer, 408, "about:blank");
                assert!(started.elapsed() >= Duration::from_millis(900));
                return;
            }
            Ok(None) => break,
            Err(_) => {}
        }
    }
    panic!("no 408 after {:?}", started.elapsed());
}

#[test]
fn the_sidecar_ends_a_slow_body_even_when_the_api_does_not() {
    own_stack_only!("the_sidecar_ends_a_slow_body_even_when_the_api_does_not");
    let stub = Stub::start(Manner::Silence);
    let sidecar = Stack::builder().start_sidecar(stub.address);
    let mut connection = sidecar.connect();
    begin(&mut connection);
    if let Some(answer) = connection.receive().expect("received") {
        assert!([408, 504].contains(&answer.status));
        check_problem(&answer, answer.status, "about:blank");
    }
    assert!(connection.is_closed_within(SOON) || connection.receive().is_ok());
}

#[test]
fn a_slow_head_is_closed() {
    own_stack_only!("a_slow_head_is_closed");
    let stack = Stack::start();
    for part in [&b""[..], b"GET", b"GET /healthz HTTP/1.1\r\nHost: a\r\nX-Slow: "] {
        let mut connection = stack.sidecar.connect();
        connection.send(part).expect("sent");
        let started = Instant::now();
        assert_eq!(connection.receive().expect("received"), None, "{part:?}");
        let took = started.elapsed();
        assert!(took > Duration::from_secs(3) && took < SOON, "{part:?}: {took:?}");
    }
    // Nothing was sent, so the log says status 0. A connection on which nothing came has no line.
    assert_eq!(stack.sidecar.process.finish(), 0);
    let lines = stack.sidecar.process.log.events();
    let statuses: Vec<_> = lines
        .iter()
        .filter(|line| line["user_agent"] != "contract-start")
        .map(|line| (&line["status"], &line["response_bytes"]))
        .collect();
    assert_eq!(statuses, [(&0.into(), &0.into()), (&0.into(), &0.into())]);
}

#[test]
fn a_head_in_drops_is_closed_too() {
    own_stack_only!("a_head_in_drops_is_closed_too");
    let stack = Stack::start();
    let mut connection = stack.sidecar.connect();
    connection.send(b"GET /healthz HTTP/1.1\r\nHost: a\r\nX-Slow: ").expect("sent");
    connection.patience(Duration::from_millis(100)).expect("set");
    let started = Instant::now();
    while started.elapsed() < SOON {
        let closed = connection.send(b"x").is_err() || matches!(connection.receive(), Ok(None));
        if closed || connection.is_closed_within(Duration::from_millis(1)) {
            return;
        }
    }
    panic!("still open after {:?}", started.elapsed());
}

#[test]
fn nobody_waits_for_a_hundred_slow_clients() {
    own_stack_only!("nobody_waits_for_a_hundred_slow_clients");
    let stack = Stack::start();
    let mut slow: Vec<Connection> = (0..100).map(|_| stack.sidecar.connect()).collect();
    slow.iter_mut().for_each(begin);
    let started = Instant::now();
    assert_eq!(stack.ask(&Request::sum(KEY, GOOD)).status, 200);
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
}
