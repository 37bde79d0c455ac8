//! Operations that stream: the sidecar forwards bytes immediately, heartbeats fill the pauses, and a stream ends with
//! its caller and with its service.

use super::{conclude, operations};
use chassis::document::{Deadline, Operation};
use contract::connection::Connection;
use contract::own_stack_only;
use contract::service;
use contract::stack::{Builder, Stack};
use contract::wait;
use std::time::{Duration, Instant};

/// The time limit for the first bytes of a stream.
const SOON: Duration = Duration::from_secs(3);

/// Runs a check for each operation that streams. Each check has its own stack.
fn for_each(
    settings: impl Fn(Builder) -> Builder,
    check: impl Fn(&Stack, &'static Operation, Duration),
) {
    let mut count = 0;
    for service in service::all() {
        for operation in operations(service) {
            // A file is streamed too, but has an end.
            let has_events =
                service.media_types(operation, 200).contains(&"text/event-stream".into());
            if let (Deadline::Idle(idle), true) = (operation.deadline, has_events) {
                check(&settings(Stack::for_service(service)).start(), operation, idle);
                count += 1;
            }
        }
    }
    if count > 0 || !service::is_restricted() {
        conclude(1, count, &[]);
    }
}

/// Opens a stream and waits for the head and the first bytes.
fn open(stack: &Stack, operation: &'static Operation) -> Connection {
    let mut connection = stack.sidecar.connect();
    let begun = Instant::now();
    connection.send(&stack.call(operation).request().bytes("stream")).expect("sent");
    let answer = connection.receive().expect("received").expect("answered").expect_status(200);
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    assert_eq!(answer.header("Content-Length"), None, "{answer:?}");
    wait::until("an open stream", || stack.metrics().streams() == 1);
    connection
}

#[test]
fn stream_starts_at_once_and_never_reaches_its_idle_timeout() {
    own_stack_only!("stream_starts_at_once_and_never_reaches_its_idle_timeout");
    for_each(
        |it| it,
        |stack, operation, idle| {
            let mut connection = open(stack, operation);
            connection.patience(idle).expect("set");
            let bytes = connection.receive_some().expect("the stream flows");
            assert!(!bytes.is_empty(), "the stream of {} ends", operation.id);
        },
    );
}

#[test]
fn stream_ends_at_the_service_when_its_caller_disconnects() {
    own_stack_only!("stream_ends_at_the_service_when_its_caller_disconnects");
    for_each(
        |it| it,
        |stack, operation, _| {
            drop(open(stack, operation));
            wait::until("no open stream", || stack.metrics().streams() == 0);
        },
    );
}

#[test]
fn stream_ends_complete_after_the_grace_period_of_its_service() {
    own_stack_only!("stream_ends_complete_after_the_grace_period_of_its_service");
    for_each(
        |it| it.api("DRAIN_GRACE", "300ms").api("DRAIN_TIMEOUT", "30s"),
        |stack, operation, _| {
            let mut connection = open(stack, operation);
            let begun = Instant::now();
            stack.api.process.stop();
            let _ = connection.receive_rest().expect("the stream ends without a reset");
            assert!(begun.elapsed() >= Duration::from_millis(250), "{:?}", begun.elapsed());
            assert_eq!(stack.api.process.exit_code(), 0);
            let cut = stack.api.process.log.events().into_iter().any(|it| it["level"] == "WARN");
            assert!(!cut, "{}", stack.api.process.log.text());
        },
    );
}
