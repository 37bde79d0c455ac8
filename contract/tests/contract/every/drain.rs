//! How a process ends: what is in flight is finished, what comes is told, and there is an end. For every operation that
//! takes a body, because half of a body keeps a request in flight.

use super::{conclude, with_body};
use contract::call::Call;
use contract::connection::Connection;
use contract::http::Request;
use contract::own_stack_only;
use contract::process::Signal;
use contract::service;
use contract::shape::check;
use contract::stack::{Builder, Stack};
use contract::wait;
use std::time::{Duration, Instant};

/// A request that is half sent.
struct Half {
    connection: Connection,
    call: Call<'static>,
    rest: Vec<u8>,
}

impl Half {
    fn send(mut connection: Connection, call: Call<'static>) -> Self {
        let bytes = call.request().bytes("half");
        let (half, rest) = bytes.split_at(bytes.len() - 5);
        connection.send(half).expect("sent");
        Self { connection, call, rest: rest.to_vec() }
    }

    /// Half of a request to each operation that takes a body, all of them at the service.
    fn all(stack: &Stack, connect: impl Fn() -> Connection) -> Vec<Self> {
        let halves: Vec<Self> = with_body(stack.service)
            .map(|operation| Self::send(connect(), stack.call(operation)))
            .collect();
        wait::until("the half requests to reach the service", || {
            stack.metrics().active() == halves.len() as u64
        });
        halves
    }

    fn finish(mut self) {
        self.connection.send(&self.rest).expect("still open");
        let answer = self.connection.receive().expect("received").expect("answered");
        assert_eq!(self.call.faults(&answer), Vec::<String>::new());
    }
}

/// Every service of the run that has something to finish.
fn start(settings: impl Fn(Builder) -> Builder) -> Vec<Stack> {
    let services = service::all().into_iter().filter(|service| with_body(service).next().is_some());
    services.map(|service| settings(Stack::for_service(service)).start()).collect()
}

#[test]
fn the_service_finishes_what_is_in_flight_and_says_that_it_goes() {
    own_stack_only!("the_service_finishes_what_is_in_flight_and_says_that_it_goes");
    let mut count = 0;
    for signal in [Signal::TERM, Signal::INT] {
        for stack in start(|it| it.api("DRAIN_GRACE", "30s").api("DRAIN_TIMEOUT", "30s")) {
            let halves = Half::all(&stack, || stack.sidecar.connect());
            let call = stack.call(halves[0].call.operation);
            stack.api.process.signal(signal);
            wait::until("503", || stack.ask(&Request::get("/readyz")).status == 503);
            let ready = stack.ask(&Request::get("/readyz"));
            check(&ready);
            assert_eq!(ready.text(), r#"{"status":"draining"}"#);
            assert_eq!(stack.ask(&Request::get("/healthz")).status, 200, "it is alive");
            let alive = stack.api.ask(&Request::get("/healthz"));
            assert!(alive.closes(), "it asks its peers to let go");
            // New requests are still answered: the balancer may not have noticed yet.
            assert_eq!(call.faults(&stack.ask(&call.request())), Vec::<String>::new());
            count += halves.len();
            for half in halves {
                half.finish();
            }
            // Nothing is open any more, so it does not wait for its grace to pass.
            assert_eq!(stack.api.process.exit_code(), 0);
            let events = stack.api.process.log.events();
            for message in ["drain begins", "drain ends"] {
                let said = events.iter().any(|event| event["message"] == message);
                assert!(said, "{message} in {events:?}");
            }
        }
    }
    conclude(8, count, &[]);
}

#[test]
fn the_service_cuts_what_does_not_end_in_time() {
    own_stack_only!("the_service_cuts_what_does_not_end_in_time");
    let settings = |it: Builder| {
        it.api("DRAIN_GRACE", "200ms").api("DRAIN_TIMEOUT", "1s").api("BODY_TIMEOUT", "60s")
    };
    let mut count = 0;
    for stack in start(settings) {
        let halves = Half::all(&stack, || stack.api.connect());
        let started = Instant::now();
        assert_eq!(stack.api.process.finish(), 0);
        let took = started.elapsed();
        assert!(took >= Duration::from_millis(900) && took < Duration::from_secs(10), "{took:?}");
        let events = stack.api.process.log.events();
        let warning = events.iter().find(|event| event["level"] == "WARN").expect("it says so");
        assert_eq!(warning["cut"], halves.len(), "{warning}");
        for mut half in halves {
            assert!(half.connection.is_closed_within(Duration::from_secs(1)));
            count += 1;
        }
    }
    conclude(4, count, &[]);
}

#[test]
fn the_service_stops_listening_when_its_grace_is_over() {
    own_stack_only!("the_service_stops_listening_when_its_grace_is_over");
    let settings = |it: Builder| {
        it.api("DRAIN_GRACE", "300ms").api("DRAIN_TIMEOUT", "30s").api("BODY_TIMEOUT", "60s")
    };
    let mut count = 0;
    for stack in start(settings) {
        let halves = Half::all(&stack, || stack.api.connect());
        stack.api.process.stop();
        wait::until("a closed port", || Connection::open(stack.api.address).is_err());
        count += halves.len();
        for half in halves {
            half.finish();
        }
        assert_eq!(stack.api.process.exit_code(), 0);
    }
    conclude(4, count, &[]);
}

#[test]
fn an_idle_service_goes_at_once() {
    own_stack_only!("an_idle_service_goes_at_once");
    let mut count = 0;
    for service in service::all() {
        let api = Stack::for_service(service).start_api();
        assert_eq!(api.ask(&Request::get("/healthz")).status, 200);
        let started = Instant::now();
        assert_eq!(api.process.finish(), 0);
        assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
        count += 1;
    }
    conclude(2, count, &[]);
}

#[test]
fn the_sidecar_finishes_what_is_in_flight() {
    own_stack_only!("the_sidecar_finishes_what_is_in_flight");
    let mut count = 0;
    for stack in start(|it| it) {
        let halves = Half::all(&stack, || stack.sidecar.connect());
        stack.sidecar.process.signal(Signal::QUIT);
        wait::until("a closed port", || Connection::open(stack.sidecar.address).is_err());
        count += halves.len();
        for half in halves {
            half.finish();
        }
        assert_eq!(stack.sidecar.process.exit_code(), 0);
    }
    conclude(4, count, &[]);
}

#[test]
fn a_client_that_stalls_does_not_hold_the_sidecar() {
    own_stack_only!("a_client_that_stalls_does_not_hold_the_sidecar");
    let mut count = 0;
    for stack in start(|it| it) {
        let halves = Half::all(&stack, || stack.sidecar.connect());
        let idle = stack.sidecar.connect();
        let started = Instant::now();
        assert_eq!(stack.sidecar.process.finish(), 0);
        assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
        count += halves.len();
        drop((halves, idle));
    }
    conclude(4, count, &[]);
}
