//! Operations that stream: what the service sends flows at once, heartbeats fill the pauses, and a stream ends with its
//! caller and with its service.

use super::{conclude, operations};
use chassis::document::{Deadline, Operation};
use contract::connection::Connection;
use contract::own_stack_only;
use contract::service;
use contract::stack::{Builder, Stack};
use contract::wait;
use std::time::{Duration, Instant};

/// How soon the first bytes of a stream are there.
const SOON: Duration = Duration::from_secs(3);

/// Runs a check for each operation that streams, with a stack of its own.
fn for_each(
    settings: impl Fn(Builder) -> Builder,
    check: impl Fn(&Stack, &'static Operation, Duration),
) {
    let mut count = 0;
    for service in service::all() {
        for operation in operations(service) {
            if let Deadline::Idle(idle) = operation.deadline {
                check(&settings(Stack::for_service(service)).start(), operation, idle);
                count += 1;
            }
        }
    }
    if count > 0 || !service::is_restricted() {
        conclude(1, count, &[]);
    }
}

/// Opens a stream and waits for its head and its first bytes.
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
fn a_stream_flows_at_once_and_never_pauses_as_long_as_its_document_says() {
    own_stack_only!("a_stream_flows_at_once_and_never_pauses_as_long_as_its_document_says");
    for_each(
        |it| it,
        |stack, operation, idle| {
            let mut connection = open(stack, operation);
            connection.patience(idle).expect("set");
            let bytes = connection.receive_some().expect("the stream flows");
            assert!(!bytes.is_empty(), "{} ends", operation.id);
        },
    );
}

#[test]
fn a_stream_ends_at_the_service_when_its_caller_goes() {
    own_stack_only!("a_stream_ends_at_the_service_when_its_caller_goes");
    for_each(
        |it| it,
        |stack, operation, _| {
            drop(open(stack, operation));
            wait::until("no open stream", || stack.metrics().streams() == 0);
        },
    );
}

#[test]
fn a_stream_ends_complete_with_the_grace_of_its_service() {
    own_stack_only!("a_stream_ends_complete_with_the_grace_of_its_service");
    for_each(
        |it| it.api("DRAIN_GRACE", "300ms").api("DRAIN_TIMEOUT", "30s"),
        |stack, operation, _| {
            let mut connection = open(stack, operation);
            let begun = Instant::now();
            stack.api.process.stop();
            let _ = connection.receive_rest().expect("it ends and does not break off");
            assert!(begun.elapsed() >= Duration::from_millis(250), "{:?}", begun.elapsed());
            assert_eq!(stack.api.process.exit_code(), 0);
            let cut = stack.api.process.log.events().into_iter().any(|it| it["level"] == "WARN");
            assert!(!cut, "{}", stack.api.process.log.text());
        },
    );
}
