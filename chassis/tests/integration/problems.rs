//! Each problem of the chassis, to the byte. docs/problems.md lists the same.

use crate::support::{KEY, ask, ready_app};

const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn problem_bodies_are_as_written_down() {
    let app = ready_app();
    let key = ("x-api-key", KEY);
    let large = " ".repeat(1025);
    for (head, headers, body, title, status, detail) in [
        (
            "POST /quote",
            vec![],
            "",
            "Unauthorized",
            401,
            "Exactly one valid key is needed in X-Api-Key.",
        ),
        (
            "GET /parcels",
            vec![],
            "",
            "Unauthorized",
            401,
            "Exactly one valid token is needed in Authorization: Bearer.",
        ),
        ("GET /nothing", vec![], "", "Not Found", 404, "There is no such route."),
        ("GET /quote", vec![], "", "Method Not Allowed", 405, "This route answers POST only."),
        (
            "POST /healthz",
            vec![],
            "",
            "Method Not Allowed",
            405,
            "This route answers GET, HEAD only.",
        ),
        (
            "POST /quote",
            vec![key, JSON],
            &large,
            "Content Too Large",
            413,
            "The body must be at most 1024 bytes.",
        ),
        (
            "POST /quote",
            vec![key],
            "",
            "Unsupported Media Type",
            415,
            "The body must be sent as application/json.",
        ),
    ] {
        let headers: Vec<_> = headers.into_iter().chain([("x-request-id", "id-1")]).collect();
        let expected = format!(
            r#"{{"type":"about:blank","title":"{title}","status":{status},"detail":"{detail}","request_id":"id-1"}}"#
        );
        assert_eq!(ask(&app, head, &headers, body).await.body, expected);
    }
}
