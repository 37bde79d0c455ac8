//! The drain of both processes: requests in flight are finished, readiness fails, and the process ends in time. The
//! tests use every operation that takes a body, because half of a body keeps a request in flight.

use super::{conclude, with_body};
use contract::call::Call;
use contract::connection::Connection;
use contract::http::{Request, Response};
use contract::own_stack_only;
use contract::process::Signal;
use contract::service;
use contract::shape::check;
use contract::stack::{Builder, Stack};
use contract::wait;
use std::time::{Duration, Instant};

/// `worker_shutdown_timeout` of the sidecar, and two seconds. A large body can have more time than that.
const SIDECAR_STOP: Duration = Duration::from_secs(22);

/// A request with half of its body sent.
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

    /// Sends half of a request to each operation that takes a body, and waits until all are at the service.
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

/// The names of the members of a response.
fn members(response: &Response) -> Vec<String> {
    response.json().as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect()
}

/// Starts every service of the run that has an operation with a body.
fn start(settings: impl Fn(Builder) -> Builder) -> Vec<Stack> {
    let services = service::all().into_iter().filter(|service| with_body(service).next().is_some());
    services.map(|service| settings(Stack::for_service(service)).start()).collect()
}

#[test]
fn draining_service_finishes_requests_and_fails_readiness() {
    own_stack_only!("draining_service_finishes_requests_and_fails_readiness");
    let mut count = 0;
    for signal in [Signal::TERM, Signal::INT] {
        for stack in start(|it| it.api("DRAIN_GRACE", "30s").api("DRAIN_TIMEOUT", "30s")) {
            let halves = Half::all(&stack, || stack.sidecar.connect());
            let call = stack.call(halves[0].call.operation);
            let before = stack.ask(&Request::get("/readyz")).expect_status(200);
            stack.api.process.signal(signal);
            wait::until("503", || stack.ask(&Request::get("/readyz")).status == 503);
            let ready = stack.ask(&Request::get("/readyz"));
            check(&ready);
            assert_eq!(ready.json()["status"], "draining");
            assert_eq!(members(&ready), members(&before), "no member of its own");
            assert_eq!(stack.ask(&Request::get("/healthz")).status, 200, "liveness succeeds");
            let alive = stack.api.ask(&Request::get("/healthz"));
            assert!(alive.closes(), "a draining service sends Connection: close");
            // New requests are still answered, because the balancer can still send some.
            assert_eq!(call.faults(&stack.ask(&call.request())), Vec::<String>::new());
            count += halves.len();
            for half in halves {
                half.finish();
            }
            // No connection is open, so the service ends before its grace period is over.
            assert_eq!(stack.api.process.exit_code(), 0);
            let events = stack.api.process.log.events();
            for message in ["drain begins", "drain ends"] {
                let said = events.iter().any(|event| event["message"] == message);
                assert!(said, "{message} in {events:?}");
            }
        }
    }
    conclude(10, count, &[]);
}

#[test]
fn service_closes_requests_that_exceed_the_drain_timeout() {
    own_stack_only!("service_closes_requests_that_exceed_the_drain_timeout");
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
        let warning =
            events.iter().find(|event| event["level"] == "WARN").expect("it logs a warning");
        assert_eq!(warning["cut"], halves.len(), "{warning}");
        for mut half in halves {
            assert!(half.connection.is_closed_within(Duration::from_secs(1)));
            count += 1;
        }
    }
    conclude(5, count, &[]);
}

#[test]
fn service_stops_listening_after_its_grace_period() {
    own_stack_only!("service_stops_listening_after_its_grace_period");
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
    conclude(5, count, &[]);
}

#[test]
fn idle_service_ends_immediately() {
    own_stack_only!("idle_service_ends_immediately");
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
fn sidecar_finishes_requests_in_flight() {
    own_stack_only!("sidecar_finishes_requests_in_flight");
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
    conclude(5, count, &[]);
}

#[test]
fn stalled_client_does_not_delay_the_sidecar_stop() {
    own_stack_only!("stalled_client_does_not_delay_the_sidecar_stop");
    let mut count = 0;
    for stack in start(|it| it) {
        let halves = Half::all(&stack, || stack.sidecar.connect());
        let idle = stack.sidecar.connect();
        let started = Instant::now();
        assert_eq!(stack.sidecar.process.finish(), 0);
        assert!(started.elapsed() < SIDECAR_STOP, "{:?}", started.elapsed());
        count += halves.len();
        drop((halves, idle));
    }
    conclude(5, count, &[]);
}
