//! The description against the real thing, both ways: what happens is described, and what is described
//! happens.

use crate::support::{Case, corpus};
use chassis::testing::{Answered, answers, ask_json, check_document, compare, document, ready};
use serde_json::{Value, json};
use sum_api::Sum;

#[tokio::test(start_paused = true)]
async fn every_answer_is_described_and_every_description_is_answered() {
    let mut answers = answers(|_| Sum).await;
    let app = ready(|_| Sum);
    // A sum past the range of doubles is exact, and more than the schema's validator can read.
    let short = |case: &Case| case.answer.as_ref().is_none_or(|answer| answer.len() < 300);
    for case in corpus().into_iter().filter(short) {
        let reply = ask_json(&app, "POST /sum", case.body).await;
        answers.push(Answered::new("/sum", "POST", reply));
    }
    let described = compare::<Sum>(&answers);
    assert!(described >= 39, "{described} responses are described");
}

#[test]
fn the_document_is_right_about_itself() {
    check_document::<Sum>();
}

#[test]
fn the_schema_of_the_body_refuses_what_the_sum_refuses() {
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
