//! How a process goes: what is in flight is finished, what comes is told, and there is an end.

use contract::connection::Connection;
use contract::http::{Request, Response};
use contract::operation::{ANSWER, GOOD};
use contract::own_stack_only;
use contract::process::Signal;
use contract::shape::check;
use contract::stack::{KEY, Stack};
use contract::wait;
use std::time::{Duration, Instant};

/// A request that is half sent.
struct Half {
    connection: Connection,
    rest: Vec<u8>,
}

impl Half {
    fn send(mut connection: Connection) -> Self {
        let bytes = Request::sum(KEY, GOOD).bytes("half");
        let (half, rest) = bytes.split_at(bytes.len() - 7);
        connection.send(half).expect("sent");
        Self { connection, rest: rest.to_vec() }
    }

    fn finish(&mut self) -> Response {
        self.connection.send(&self.rest).expect("still open");
        self.connection.receive().expect("received").expect("answered")
    }
}

fn in_flight(stack: &Stack) {
    wait::until("the half request to reach the API", || stack.metrics().active() == 1);
}

#[test]
fn the_api_finishes_what_is_in_flight_and_says_that_it_goes() {
    own_stack_only!("the_api_finishes_what_is_in_flight_and_says_that_it_goes");
    for signal in [Signal::TERM, Signal::INT] {
        let stack = Stack::builder().api("DRAIN_GRACE", "30s").api("DRAIN_TIMEOUT", "30s").start();
        let mut half = Half::send(stack.sidecar.connect());
        in_flight(&stack);
        stack.api.process.signal(signal);
        wait::until("503", || stack.ask(&Request::get("/readyz")).status == 503);
        let ready = stack.ask(&Request::get("/readyz"));
        check(&ready);
        assert_eq!(ready.text(), r#"{"status":"draining"}"#);
        assert_eq!(stack.ask(&Request::get("/healthz")).status, 200, "it is alive");
        assert!(stack.api.ask(&Request::get("/healthz")).closes(), "it asks its peers to let go");
        // New requests are still answered: the balancer may not have noticed yet.
        assert_eq!(stack.ask(&Request::sum(KEY, GOOD)).status, 200);

        let answer = half.finish();
        assert_eq!(answer.text(), ANSWER);
        drop(half);
        // Nothing is open any more, so it does not wait for its grace to pass.
        assert_eq!(stack.api.process.exit_code(), 0);
        let events = stack.api.process.log.events();
        for message in ["drain begins", "drain ends"] {
            assert!(
                events.iter().any(|event| event["message"] == message),
                "{message} in {events:?}"
            );
        }
    }
}

#[test]
fn the_api_cuts_what_does_not_end_in_time() {
    own_stack_only!("the_api_cuts_what_does_not_end_in_time");
    let stack = Stack::builder()
        .api("DRAIN_GRACE", "200ms")
        .api("DRAIN_TIMEOUT", "1s")
        .api("BODY_TIMEOUT", "60s")
        .start();
    let mut half = Half::send(stack.api.connect());
    in_flight(&stack);
    let started = Instant::now();
    assert_eq!(stack.api.process.finish(), 0);
    let took = started.elapsed();
    assert!(took >= Duration::from_millis(900) && took < Duration::from_secs(10), "{took:?}");
    assert!(half.connection.is_closed_within(Duration::from_secs(1)));
    let events = stack.api.process.log.events();
    let warning =
        events.iter().find(|event| event["level"] == "WARN").expect("it says that it cut");
    assert_eq!(warning["cut"], 1, "{warning}");
}

#[test]
fn the_api_stops_listening_when_its_grace_is_over() {
    own_stack_only!("the_api_stops_listening_when_its_grace_is_over");
    let stack = Stack::builder()
        .api("DRAIN_GRACE", "300ms")
        .api("DRAIN_TIMEOUT", "30s")
        .api("BODY_TIMEOUT", "60s")
        .start();
    let mut half = Half::send(stack.api.connect());
    in_flight(&stack);
    stack.api.process.stop();
    wait::until("a closed port", || Connection::open(stack.api.address).is_err());
    assert_eq!(half.finish().text(), ANSWER);
    drop(half);
    assert_eq!(stack.api.process.exit_code(), 0);
}

#[test]
fn an_idle_api_goes_at_once() {
    own_stack_only!("an_idle_api_goes_at_once");
    let api = Stack::builder().start_api();
    assert_eq!(api.ask(&Request::get("/healthz")).status, 200);
    let started = Instant::now();
    assert_eq!(api.process.finish(), 0);
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
}

#[test]
fn the_sidecar_finishes_what_is_in_flight() {
    own_stack_only!("the_sidecar_finishes_what_is_in_flight");
    let stack = Stack::start();
    let mut half = Half::send(stack.sidecar.connect());
    in_flight(&stack);
    stack.sidecar.process.signal(Signal::QUIT);
    wait::until("a closed port", || Connection::open(stack.sidecar.address).is_err());
    assert_eq!(half.finish().text(), ANSWER);
    drop(half);
    assert_eq!(stack.sidecar.process.exit_code(), 0);
}

#[test]
fn a_client_that_stalls_does_not_hold_the_sidecar() {
    own_stack_only!("a_client_that_stalls_does_not_hold_the_sidecar");
    let stack = Stack::start();
    let half = Half::send(stack.sidecar.connect());
    let idle = stack.sidecar.connect();
    in_flight(&stack);
    let started = Instant::now();
    assert_eq!(stack.sidecar.process.finish(), 0);
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    drop((half, idle));
}
