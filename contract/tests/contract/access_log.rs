//! The sidecar's access log for unusual requests. `every/log.rs` tests the lines of all others.

use crate::every::field_faults;
use contract::http::Request;
use contract::keyed;
use contract::list::at_least;
use contract::log::Stream;
use contract::own_stack_only;
use contract::stack::Stack;

/// nginx subtracts the length of a pipelined request after a discarded body from the length of the first request.
#[test]
fn request_after_a_discarded_body_logs_no_negative_length() {
    own_stack_only!("request_after_a_discarded_body_logs_no_negative_length");
    let stack = Stack::start();
    let body =
        format!("Transfer-Encoding: chunked\r\n\r\n1388\r\n{}\r\n0\r\n\r\n", "x".repeat(5000));
    let behind = format!("GET /nothing HTTP/1.1\r\nHost: a\r\nX-A: {}\r\n\r\n", "y".repeat(2500));
    let keyed = format!("POST {}", keyed::path());
    for head in [keyed.as_str(), "POST /nothing", "TRACE /nothing"] {
        let mut connection = stack.sidecar.connect();
        let bytes = format!("{head} HTTP/1.1\r\nHost: a\r\n{body}{behind}");
        connection.send(bytes.as_bytes()).expect("sent");
        let answer = connection.receive().expect("received").expect("answered");
        assert_eq!(
            field_faults(&stack.sidecar.process.log.of_request(answer.request_id())[0]),
            Vec::<String>::new()
        );
    }
}

#[test]
fn invalid_http_is_logged_as_json() {
    own_stack_only!("invalid_http_is_logged_as_json");
    let stack = Stack::start();
    for garbage in [
        &b"\x16\x03\x01\x02\r\n\r\n"[..],
        b"GET /\xff\xfe\"\\ HTTP/1.1\r\nHost: a\r\nUser-Agent: \xff\"\r\n\r\n",
    ] {
        let mut connection = stack.sidecar.connect();
        connection.send(garbage).expect("sent");
        let answer = connection.receive().expect("received").expect("answered");
        let found = stack.sidecar.process.log.of_request(answer.request_id());
        assert_eq!(found.len(), 1);
        assert_eq!(field_faults(&found[0]), Vec::<String>::new());
    }
}

#[test]
fn refusal_writes_nothing_to_the_error_log() {
    own_stack_only!("refusal_writes_nothing_to_the_error_log");
    let stack = Stack::builder().limits(5, 5).start();
    for _ in 0..20 {
        let _ = stack.ask(&keyed::with_body("not-a-key-at-all", "{}"));
        let _ = stack.ask(&Request::get("/nothing"));
    }
    assert_eq!(stack.sidecar.process.finish(), 0);
    let _ = at_least(40, stack.sidecar.process.log.lines(Stream::Out));
    assert_eq!(stack.sidecar.process.log.lines(Stream::Err), Vec::<String>::new());
}
