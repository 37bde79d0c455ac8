//! Each problem body, to the byte. docs/problems.md lists the same.

use crate::support::{KEY, call, ready_app, request, sum_request};
use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;

fn with_id(mut request: Request<Full<Bytes>>) -> Request<Full<Bytes>> {
    request.headers_mut().insert("x-request-id", "id-1".parse().unwrap());
    request
}

#[tokio::test]
async fn problem_bodies_are_as_written_down() {
    let app = ready_app();
    let keyed = Request::post("/sum").header("x-api-key", KEY).body(Full::default()).unwrap();
    let large = sum_request(vec![b' '; 4097]);
    let own = |slug: &str, title: &str, status: u16, detail: &str| {
        format!(
            r#"{{"type":"urn:sum-api:problem:{slug}","title":"{title}","status":{status},"detail":"{detail}","request_id":"id-1"}}"#
        )
    };
    let plain = |title: &str, status: u16, detail: &str| {
        format!(
            r#"{{"type":"about:blank","title":"{title}","status":{status},"detail":"{detail}","request_id":"id-1"}}"#
        )
    };
    for (request, expected) in [
        (
            sum_request("{\"a\":2,\"b\":}"),
            own(
                "invalid-json",
                "Invalid JSON",
                400,
                "The body is not JSON: expected value at line 1 column 12.",
            ),
        ),
        (
            sum_request(&b"\xff"[..]),
            own(
                "invalid-json",
                "Invalid JSON",
                400,
                "The body is not JSON: invalid UTF-8 at byte 1.",
            ),
        ),
        (
            sum_request("[]"),
            own(
                "not-an-object",
                "Not an object",
                422,
                "The body must be an object with the two numbers `a` and `b`.",
            ),
        ),
        (
            sum_request("{\"a\":2}"),
            own("missing-member", "Missing member", 422, "The member `b` is missing."),
        ),
        (
            sum_request("{\"a\":2,\"b\":40,\"<c>\\u0000\":1}"),
            own(
                "unknown-member",
                "Unknown member",
                422,
                "The member `<c>\\\\u{0}` is not known; `a` and `b` are.",
            ),
        ),
        (
            sum_request("{\"a\":2,\"a\":2,\"b\":40}"),
            own(
                "duplicate-member",
                "Duplicate member",
                422,
                "The member `a` is given more than once.",
            ),
        ),
        (
            sum_request("{\"a\":2,\"b\":\"40\"}"),
            own("not-a-number", "Not a number", 422, "The member `b` must be a number."),
        ),
        (
            sum_request("{\"a\":2,\"b\":1e1000}"),
            own(
                "out-of-range",
                "Number out of range",
                422,
                "The member `b` cannot be written out in at most 1000 digits.",
            ),
        ),
        (
            request("POST", "/sum"),
            plain("Unauthorized", 401, "Exactly one valid key is needed in X-Api-Key."),
        ),
        (request("GET", "/nothing"), plain("Not Found", 404, "There is no such route.")),
        (request("GET", "/sum"), plain("Method Not Allowed", 405, "This route answers POST only.")),
        (
            request("POST", "/healthz"),
            plain("Method Not Allowed", 405, "This route answers GET, HEAD only."),
        ),
        (large, plain("Content Too Large", 413, "The body must be at most 4096 bytes.")),
        (keyed, plain("Unsupported Media Type", 415, "The body must be sent as application/json.")),
    ] {
        assert_eq!(call(&app, with_id(request)).await.body, expected);
    }
}
