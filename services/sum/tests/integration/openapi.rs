//! Compares the document with the answers in both directions: every answer is described, and every described answer
//! occurs.

use crate::support::{Case, corpus};
use chassis::testing::{Answered, answers, ask_json, check_document, compare, document, ready};
use serde_json::{Value, json};
use sum_api::Sum;

#[tokio::test(start_paused = true)]
async fn answers_and_document_agree() {
    let mut answers = answers(|_| Sum).await;
    let app = ready(|_| Sum);
    // The schema's validator cannot read an exact sum beyond the range of doubles.
    let short = |case: &Case| case.answer.as_ref().is_none_or(|answer| answer.len() < 300);
    for case in corpus().into_iter().filter(short) {
        let reply = ask_json(&app, "POST /sum", case.body).await;
        answers.push(Answered::new("/sum", "POST", reply));
    }
    let described = compare::<Sum>(&answers);
    assert!(described >= 39, "{described} responses are described");
}

#[test]
fn document_is_consistent() {
    check_document::<Sum>();
}

#[test]
fn body_schema_refuses_invalid_bodies() {
    let document: Value = serde_json::from_str(&document::<Sum>().public).unwrap();
    let body = &document["paths"]["/sum"]["post"]["requestBody"];
    let schema = &body["content"]["application/json"]["schema"];
    let schema = json!({ "components": document["components"], "allOf": [schema] });
    for (body, is_valid) in [
        (json!({"a": 1, "b": 2}), true),
        (json!({}), false),
        (json!({"a": 1}), false),
        (json!({"a": 1, "b": "2"}), false),
        (json!({"a": 1, "b": 2, "c": 3}), false),
        (json!([1, 2]), false),
    ] {
        assert_eq!(jsonschema::is_valid(&schema, &body), is_valid, "{body}");
    }
}
