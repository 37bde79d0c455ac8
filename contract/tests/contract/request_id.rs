//! One id connects all log lines and the response of a request. `every/run.rs` tests the ids of every operation.

use contract::http::Request;
use contract::keyed;
use contract::own_stack_only;
use contract::shape::check;
use contract::stack::{KEY, Stack};
use serde_json::Value;

/// The one line of the sidecar about a request.
fn line(stack: &Stack, id: &str) -> Value {
    let mut lines = stack.sidecar.process.log.of_request(id);
    assert_eq!(lines.len(), 1, "one line per request: {lines:?}");
    lines.remove(0)
}

#[test]
fn both_logs_contain_the_trace_ids() {
    own_stack_only!("both_logs_contain_the_trace_ids");
    // The API logs the origin of a request that fails with a 5xx. Here it has no keys yet.
    let stack = Stack::builder().without_ssm().start();
    let (amazon, w3c) = (
        "Root=1-67891233-abcdef012345678912345678",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    );
    let request =
        keyed::with_body(KEY, "{}").header("X-Amzn-Trace-Id", amazon).header("traceparent", w3c);
    let answer = stack.ask(&request.header("X-Request-Id", "traced")).expect_status(503);
    check(&answer);
    let sidecar = line(&stack, "traced");
    assert_eq!((&sidecar["trace_id"], &sidecar["traceparent"]), (&amazon.into(), &w3c.into()));
    assert_eq!(sidecar["client"], "acme");
    let api = stack.api.process.log.of_request("traced");
    let error =
        api.iter().find(|event| event["level"] == "ERROR").expect("a 5xx is logged at error");
    assert_eq!((&error["amzn_trace_id"], &error["traceparent"]), (&amazon.into(), &w3c.into()));
    assert_eq!(error["client"], "acme");
    assert!(error["cause"].as_str().is_some_and(|cause| !cause.is_empty()));
}

#[test]
fn two_requests_have_different_fresh_ids() {
    own_stack_only!("two_requests_have_different_fresh_ids");
    let stack = Stack::start();
    let ask = || stack.ask(&Request::get("/nothing")).request_id().to_owned();
    assert_ne!(ask(), ask());
}
