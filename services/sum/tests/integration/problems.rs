//! Each problem of the sum, byte for byte as in docs/problems.md.

use chassis::testing::{KEY, ask, ready};
use sum_api::Sum;

#[tokio::test]
async fn problem_bodies_are_as_written_down() {
    let app = ready(|_| Sum);
    let headers =
        [("x-api-key", KEY), ("content-type", "application/json"), ("x-request-id", "id-1")];
    for (body, slug, title, status, detail) in [
        (
            &b"{\"a\":2,\"b\":}"[..],
            "invalid-json",
            "Invalid JSON",
            400,
            "The body is not JSON: expected value at line 1 column 12.",
        ),
        (
            b"\xff",
            "invalid-json",
            "Invalid JSON",
            400,
            "The body is not JSON: invalid UTF-8 at byte 1.",
        ),
        (
            b"[]",
            "not-an-object",
            "Not an object",
            422,
            "The body must be an object with the two numbers `a` and `b`.",
        ),
        (b"{\"a\":2}", "missing-member", "Missing member", 422, "The member `b` is missing."),
        (
            b"{\"a\":2,\"b\":40,\"<c>\\u0000\":1}",
            "unknown-member",
            "Unknown member",
            422,
            "The member `<c>\\\\u{0}` is not known; `a` and `b` are.",
        ),
        (
            b"{\"a\":2,\"a\":2,\"b\":40}",
            "duplicate-member",
            "Duplicate member",
            422,
            "The member `a` is given more than once.",
        ),
        (
            b"{\"a\":2,\"b\":\"40\"}",
            "not-a-number",
            "Not a number",
            422,
            "The member `b` must be a number.",
        ),
        (
            b"{\"a\":2,\"b\":1e1000}",
            "out-of-range",
            "Number out of range",
            422,
            "The member `b` cannot be written out in at most 1000 digits.",
        ),
    ] {
        let expected = format!(
            r#"{{"type":"urn:sum-api:problem:{slug}","title":"{title}","status":{status},"detail":"{detail}","request_id":"id-1"}}"#
        );
        assert_eq!(ask(&app, "POST /sum", &headers, body).await.body, expected);
    }
}
