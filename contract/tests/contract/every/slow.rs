//! Clients that are slow, stop in the middle or disconnect. They get an answer if possible, their connection is closed,
//! and they do not delay other clients.

use super::{conclude, operations, stacks, with_body};
use chassis::document::Deadline;
use contract::connection::Connection;
use contract::http::Request;
use contract::own_stack_only;
use contract::service;
use contract::shape::{check_problem, faults};
use contract::stack::Stack;
use contract::timing::timing;
use contract::wait;
use std::thread::scope;
use std::time::{Duration, Instant};

const SOON: Duration = Duration::from_secs(15);
const ROUNDS: usize = 20;

/// Sends the request without its last 5 bytes.
fn begin(connection: &mut Connection, request: &Request) {
    let bytes = request.bytes("slow");
    connection.send(&bytes[..bytes.len() - 5]).expect("sent");
}

#[test]
fn slow_body_gets_408_and_close() {
    own_stack_only!("slow_body_gets_408_and_close");
    let stacks = stacks();
    let mut count = 0;
    scope(|scope| {
        for stack in &stacks {
            for operation in with_body(stack.service) {
                count += 1;
                let call = stack.call(operation);
                scope.spawn(move || {
                    let mut connection = stack.sidecar.connect();
                    let started = Instant::now();
                    begin(&mut connection, &call.request());
                    let answer = connection.receive().expect("received").expect("answered");
                    check_problem(&answer, 408, "about:blank");
                    let least = operation.body_timeout().saturating_sub(Duration::from_secs(1));
                    assert!(started.elapsed() >= least, "{:?}", started.elapsed());
                    assert!(answer.closes() && connection.is_closed_within(SOON));
                    // The deadline of the service comes first, because the service can still answer.
                    let line = stack.sidecar.process.log.of_request(answer.request_id()).remove(0);
                    assert_eq!(line["upstream_status"], "408", "{line}");
                });
            }
        }
    });
    conclude(5, count, &[]);
}

#[test]
fn body_in_single_bytes_gets_408_at_the_same_deadline() {
    own_stack_only!("body_in_single_bytes_gets_408_at_the_same_deadline");
    let mut count = 0;
    for service in service::all() {
        let stack = Stack::for_service(service).api("BODY_TIMEOUT", "1s").start();
        let Some(operation) = with_body(service).next() else { continue };
        let call = stack.call(operation);
        let mut connection = stack.sidecar.connect();
        connection
            .send(&call.authorized(call.bare().body(" ".repeat(900))).head("slow"))
            .expect("sent");
        connection.patience(Duration::from_millis(100)).expect("set");
        let started = Instant::now();
        // With single bytes, a timeout between two reads never expires.
        let answer = loop {
            assert!(started.elapsed() < SOON, "no 408 after {:?}", started.elapsed());
            let _ = connection.send(b" ");
            if let Ok(answer) = connection.receive() {
                break answer.expect("answered");
            }
        };
        check_problem(&answer, 408, "about:blank");
        assert!(started.elapsed() >= Duration::from_millis(900));
        count += 1;
    }
    conclude(2, count, &[]);
}

#[test]
fn connection_with_slow_head_is_closed() {
    own_stack_only!("connection_with_slow_head_is_closed");
    let parts = [&b""[..], b"GET", b"GET /nothing HTTP/1.1\r\nHost: a\r\nX-Slow: "];
    let stacks = stacks();
    scope(|scope| {
        for stack in &stacks {
            for part in parts {
                scope.spawn(move || {
                    let mut connection = stack.sidecar.connect();
                    connection.send(part).expect("sent");
                    let started = Instant::now();
                    assert_eq!(connection.receive().expect("received"), None, "{part:?}");
                    let took = started.elapsed();
                    let least = timing("nginx_client_header_seconds").mul_f32(0.6);
                    assert!(took > least && took < SOON, "{part:?}: {took:?}");
                });
            }
            scope.spawn(|| head_in_single_bytes(stack));
        }
    });
    for stack in &stacks {
        // Without a response, the log has status 0. A connection without a byte from the client has no line.
        assert_eq!(stack.sidecar.process.finish(), 0);
        let lines = stack.sidecar.process.log.events();
        let mine = lines.iter().filter(|line| line["user_agent"] != "contract-start");
        let mine: Vec<_> =
            mine.filter(|line| line["status"] == 0 && line["response_bytes"] == 0).collect();
        assert_eq!(mine.len(), parts.len(), "{lines:?}");
    }
    conclude(8, stacks.len() * (parts.len() + 1), &[]);
}

fn head_in_single_bytes(stack: &Stack) {
    let mut connection = stack.sidecar.connect();
    connection.send(b"GET /nothing HTTP/1.1\r\nHost: a\r\nX-Slow: ").expect("sent");
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
fn hundred_slow_clients_delay_no_other_client() {
    own_stack_only!("hundred_slow_clients_delay_no_other_client");
    let mut count = 0;
    for stack in stacks() {
        let Some(operation) = with_body(stack.service).next() else { continue };
        let call = stack.call(operation);
        let mut slow: Vec<Connection> = (0..100).map(|_| stack.sidecar.connect()).collect();
        for connection in &mut slow {
            begin(connection, &call.request());
        }
        let started = Instant::now();
        assert_eq!(call.faults(&stack.ask(&call.request())), Vec::<String>::new());
        assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
        count += slow.len();
    }
    conclude(200, count, &[]);
}

/// Closes the sending side like `nc -N`. Streams are excluded, because nginx treats a half-close as a disconnect and
/// ends the stream.
#[test]
fn caller_with_closed_sending_side_gets_its_answer() {
    own_stack_only!("caller_with_closed_sending_side_gets_its_answer");
    let (mut count, mut wrong) = (0, Vec::new());
    for stack in stacks() {
        for operation in operations(stack.service) {
            if matches!(operation.deadline, Deadline::Idle(_)) {
                continue;
            }
            for round in 0..ROUNDS {
                let call = stack.call(operation);
                let refused = round % 4 == 3 && !call.credentials_line().is_empty();
                let request = if refused { call.bare() } else { call.request() };
                let request = match round % 3 {
                    0 if call.body.is_some() => request.chunked(),
                    1 => request.header("Connection", "close"),
                    _ => request,
                };
                let mut connection = stack.sidecar.connect();
                connection.send(&request.bytes("half-close")).expect("sent");
                connection.end().expect("closed");
                let head = request.is_head();
                let answer = if head { connection.receive_head() } else { connection.receive() };
                let found = match answer {
                    Ok(Some(answer)) if refused && answer.status == 401 => faults(&answer, head),
                    Ok(Some(answer)) if !refused => call.faults(&answer),
                    other => vec![format!("{other:?}")],
                };
                count += 1;
                wrong.extend(found.iter().map(|fault| format!("{}: {fault}", operation.id)));
            }
        }
    }
    conclude(420, count, &wrong);
}

#[test]
fn disconnected_caller_is_logged_and_does_no_harm() {
    own_stack_only!("disconnected_caller_is_logged_and_does_no_harm");
    let (mut count, mut wrong) = (0, Vec::new());
    for stack in stacks() {
        for operation in operations(stack.service).iter().filter(|one| one.probe.is_none()) {
            let call = stack.call(operation);
            let id = format!("gone-{}", operation.id);
            let request = call.request().header("X-Request-Id", &id);
            let mut connection = stack.sidecar.connect();
            connection.send(&request.bytes("gone")).expect("sent");
            drop(connection);
            let line = stack.sidecar.process.log.of_request(&id).remove(0);
            count += 1;
            // nginx logs 499 if a disconnect also ends the request at the service.
            let streams = matches!(operation.deadline, Deadline::Idle(_)) && line["status"] == 499;
            let known = line["status"] == call.status || streams;
            if line["operation"] != operation.id.as_str() || !known {
                wrong.push(format!("{}: {line}", operation.id));
            }
            // Also send an incomplete request and disconnect.
            if call.body.is_some() {
                begin(&mut stack.sidecar.connect(), &call.request());
            }
        }
        wait::until("the service to be idle", || stack.metrics().active() == 0);
        assert_eq!(stack.ask(&Request::get("/openapi.json")).status, 200);
    }
    conclude(16, count, &wrong);
}
