//! One id ties everything together that belongs to one request.

use contract::http::{Request, Response};
use contract::list::at_least;
use contract::operation::GOOD;
use contract::own_stack_only;
use contract::shape::check;
use contract::stack::{KEY, Stack};
use serde_json::Value;

/// The one line of the sidecar about a request.
fn line(stack: &Stack, id: &str) -> Value {
    let mut lines = stack.sidecar.process.log.of_request(id);
    assert_eq!(lines.len(), 1, "one line a request: {lines:?}");
    lines.remove(0)
}

#[test]
fn the_callers_id_is_in_the_answer_and_in_both_logs() {
    own_stack_only!("the_callers_id_is_in_the_answer_and_in_both_logs");
    let stack = Stack::start();
    let ask = |id: &str, body: &str| -> Response {
        stack.ask(&Request::sum(KEY, body).header("X-Request-Id", id))
    };
    for (id, body, status) in [("good.1", GOOD, 200), ("bad-2", "{}", 422)] {
        let answer = ask(id, body).expect_status(status);
        check(&answer);
        assert_eq!(answer.request_id(), id);
        let sidecar = line(&stack, id);
        assert_eq!(sidecar["status"], status);
        let api = stack.api.process.log.of_request(id);
        let api = at_least(1, api);
        assert!(api.iter().all(|event| event["status"] == status), "{api:?}");
    }
}

#[test]
fn a_fresh_id_is_one_id_too() {
    own_stack_only!("a_fresh_id_is_one_id_too");
    let stack = Stack::start();
    for id in ["", "not sane", "a\"b\\c", "é"] {
        let answer =
            stack.ask(&Request::sum(KEY, "{}").header("X-Request-Id", id)).expect_status(422);
        check(&answer);
        // The API has the id that the caller was given: this waits until it does.
        let _ = stack.api.process.log.of_request(answer.request_id());
    }
    let one = stack.ask(&Request::get("/healthz"));
    let two = stack.ask(&Request::get("/healthz"));
    assert_ne!(one.request_id(), two.request_id());
}

#[test]
fn a_refusal_of_the_sidecar_has_its_line_there() {
    own_stack_only!("a_refusal_of_the_sidecar_has_its_line_there");
    let stack = Stack::start();
    for (request, status) in [
        (Request::sum("not-a-key-at-all", "{}"), 401),
        (Request::get("/nothing"), 404),
        (Request::sum(KEY, " ".repeat(5000)), 413),
    ] {
        let answer = stack.ask(&request).expect_status(status);
        assert_eq!(line(&stack, answer.request_id())["status"], status);
        assert!(
            !stack.api.process.log.text().contains(answer.request_id()),
            "the API was not asked"
        );
    }
}

#[test]
fn the_trace_ids_go_through_to_both_logs() {
    own_stack_only!("the_trace_ids_go_through_to_both_logs");
    // The API logs where a request came from when it fails by its own fault: here it has no keys yet.
    let stack = Stack::builder()
        .api_without("API_KEY")
        .api("API_KEY_PARAMETER", "/sum-api/keys")
        .api("AWS_ENDPOINT_URL_SSM", "http://127.0.0.1:9")
        .api("AWS_REGION", "eu-central-1")
        .api("AWS_ACCESS_KEY_ID", "test")
        .api("AWS_SECRET_ACCESS_KEY", "test")
        .never_ready()
        .start();
    let (amazon, w3c) = (
        "Root=1-67891233-abcdef012345678912345678",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    );
    let request =
        Request::sum(KEY, "{}").header("X-Amzn-Trace-Id", amazon).header("traceparent", w3c);
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
