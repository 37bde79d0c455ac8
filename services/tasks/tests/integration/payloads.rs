//! The errors of a payload: the same ones when a job is created and when it is changed, each once.

use crate::support::{Testbed, pointers};
use serde_json::{Value, json};

#[tokio::test]
async fn payload_has_the_same_errors_in_every_operation() {
    let bed = Testbed::new().await;
    let ada = bed.user("ada").await.access;
    let mail = json!({ "to": "ada@example.com", "subject": "a", "body": "b" });
    let report = json!({ "format": "csv" });
    let image = json!({ "image": "iVBORw0KGgo=", "width": 1, "height": 1 });
    let rows: [(&str, &Value, Value, &[&str]); 7] = [
        ("send_email", &mail, json!({}), &["/payload/body", "/payload/subject", "/payload/to"]),
        (
            "send_email",
            &mail,
            json!({ "to": "ada@example.com", "subject": "a\nb", "body": "b", "cc": "x" }),
            &["/payload/cc", "/payload/subject"],
        ),
        (
            "send_email",
            &mail,
            json!({ "to": "a\nb", "subject": 1, "body": "b" }),
            &["/payload/subject", "/payload/to"],
        ),
        ("send_email", &mail, Value::Null, &["/payload"]),
        ("generate_report", &report, json!({ "format": "xml" }), &["/payload/format"]),
        (
            "resize_image",
            &image,
            json!({ "image": "!", "width": 0, "height": 1.5 }),
            &["/payload/height", "/payload/image", "/payload/width"],
        ),
        ("manual", &Value::Null, json!({}), &["/payload"]),
    ];
    for (kind, valid, broken, expected) in rows {
        let task = |payload: &Value| json!({ "type": kind, "title": "a", "payload": payload });
        let refused = bed.bearer(&ada, "POST /api/v1/tasks", &task(&broken)).await;
        assert_eq!(pointers(&refused), expected, "{kind} {broken}");
        let created = bed.bearer(&ada, "POST /api/v1/tasks", &task(valid)).await;
        assert_eq!(created.status, 201, "{kind} {}", created.body);
        let id = created.json()["id"].as_str().unwrap().to_owned();
        // PUT keeps a payload that is null or missing, so only PATCH can remove it.
        let methods: &[&str] = if broken.is_null() { &["PATCH"] } else { &["PUT", "PATCH"] };
        for method in methods {
            let head = format!("{method} /api/v1/tasks/{id}");
            let body = if *method == "PUT" {
                json!({ "title": "a", "payload": broken })
            } else {
                // A merge patch keeps the members that it does not name.
                let mut patch = broken.clone();
                if let (Some(patch), Some(valid)) = (patch.as_object_mut(), valid.as_object()) {
                    for name in valid.keys().filter(|name| broken.get(*name).is_none()) {
                        patch.insert(name.clone(), Value::Null);
                    }
                }
                json!({ "payload": patch })
            };
            let refused = bed.bearer(&ada, &head, &body).await;
            assert_eq!(pointers(&refused), expected, "{head} {kind} {broken}");
        }
    }
}
