//! A caller that closes its sending side as soon as its request is out, as `nc -N` does, gets its answer.

use contract::http::Request;
use contract::operation::GOOD;
use contract::own_stack_only;
use contract::shape::faults;
use contract::stack::{KEY, Stack};

const ROUNDS: usize = 50;

#[test]
fn a_request_with_a_half_close_is_answered_and_logged_as_answered() {
    own_stack_only!("a_request_with_a_half_close_is_answered_and_logged_as_answered");
    let stack = Stack::start();
    let cases = [
        (Request::sum(KEY, GOOD), 200),
        (Request::sum(KEY, GOOD).chunked(), 200),
        (Request::sum(KEY, GOOD).header("Connection", "close"), 200),
        (Request::get("/healthz"), 200),
        (Request::get("/openapi.json"), 200),
        (Request::sum(KEY, "nonsense"), 400),
        (Request::sum("not-a-key-at-all", GOOD), 401),
        (Request::get("/nothing"), 404),
        (Request::new("PUT", "/sum").header("X-Api-Key", KEY), 405),
        (Request::sum(KEY, " ".repeat(5000)), 413),
        (Request::sum(KEY, "{}"), 422),
    ];
    let mut wrong = Vec::new();
    for (request, status) in &cases {
        for _ in 0..ROUNDS {
            let mut connection = stack.sidecar.connect();
            connection.send(&request.bytes("half-close")).expect("sent");
            connection.end().expect("closed");
            match connection.receive() {
                Ok(Some(answer)) if answer.status == *status => {
                    wrong.extend(faults(&answer, false));
                    if *status != 200 {
                        let lines = stack.sidecar.process.log.of_request(answer.request_id());
                        assert_eq!((lines.len(), &lines[0]["status"]), (1, &(*status).into()));
                    }
                }
                other => wrong.push(format!("{request:?}: {other:?}")),
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {}: {wrong:#?}", wrong.len(), cases.len() * ROUNDS);
}
