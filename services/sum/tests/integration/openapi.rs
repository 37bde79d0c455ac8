//! The description against the real thing, both ways: what happens is described, and what is described
//! happens.

use crate::support::{
    self, Case, KEY, Reply, call, corpus, open_app, ready_app, request, starting_app, sum_request,
};
use chassis::Service;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::convert::Infallible;
use sum_api::Sum;

/// Answers of the sidecar alone. The black-box tests hold those to the description.
const SIDECAR: [&str; 4] = ["429", "431", "502", "504"];

fn document() -> Value {
    serde_json::from_str(&support::document().public).unwrap()
}

/// Follows a reference within the document.
fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value.get("$ref").and_then(Value::as_str) {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap(),
        None => value,
    }
}

/// The description of one answer, or a failed test.
fn described<'a>(document: &'a Value, path: &str, method: &str, reply: &Reply) -> &'a Value {
    let method = method.to_lowercase();
    // An undescribed method is refused; the refusal is described beside the methods that are answered.
    let operations = &document["paths"][path];
    let operation = operations.get(&method).or(operations.get("get")).or(operations.get("post"));
    let response = &operation.unwrap()["responses"][reply.status.as_str()];
    assert!(!response.is_null(), "{method} {path}: {} is not described", reply.status);
    resolve(document, response)
}

fn check(document: &Value, path: &str, method: &str, reply: &Reply) {
    let response = described(document, path, method, reply);
    let what = format!("{method} {path} {}", reply.status);
    let headers = response["headers"].as_object().filter(|headers| !headers.is_empty());
    let headers = headers.unwrap_or_else(|| panic!("{what}: no header is described"));
    for name in headers.keys() {
        if name != "RateLimit-Policy" {
            assert!(reply.header(name).is_some(), "{what}: {name} is described and not sent");
        }
    }
    for name in ["allow", "www-authenticate"] {
        let described = headers.keys().any(|key| key.to_lowercase() == name);
        assert_eq!(reply.header(name).is_some(), described, "{what}: {name}");
    }
    if method == "HEAD" {
        return;
    }
    let schema = &response["content"][reply.header("content-type").unwrap()]["schema"];
    assert!(!schema.is_null(), "{what}: {:?} is not described", reply.header("content-type"));
    let schema = json!({ "components": document["components"], "allOf": [schema] });
    let body = reply.json();
    if let Err(error) = jsonschema::validate(&schema, &body) {
        panic!("{what}: {error}: {body}");
    }
}

/// One request for each answer that the API itself can give.
async fn answers() -> Vec<(&'static str, &'static str, Reply)> {
    let app = ready_app();
    let starting = starting_app();
    let draining = open_app();
    draining.drain();
    let mut answers = Vec::new();
    for path in ["/healthz", "/readyz", "/openapi.json"] {
        for method in ["GET", "HEAD", "POST", "DELETE"] {
            answers.push((path, method, call(&app, request(method, path)).await));
        }
    }
    for app in [&starting, &draining] {
        for method in ["GET", "HEAD"] {
            answers.push(("/readyz", method, call(app, request(method, "/readyz")).await));
        }
    }
    // A sum past the range of doubles is exact, and more than the schema's validator can read.
    let short = |case: &Case| case.answer.as_ref().is_none_or(|answer| answer.len() < 300);
    for case in corpus().into_iter().filter(short) {
        answers.push(("/sum", "POST", call(&app, sum_request(case.body)).await));
    }
    answers.push(("/sum", "POST", call(&starting, sum_request("{}")).await));
    answers.push(("/sum", "POST", call(&app, request("POST", "/sum")).await));
    answers.push(("/sum", "GET", call(&app, request("GET", "/sum")).await));
    let mut plain = request("POST", "/sum");
    plain.headers_mut().insert("x-api-key", KEY.parse().unwrap());
    answers.push(("/sum", "POST", call(&app, plain).await));
    let panics = Full::from("{}")
        .map_frame(|_: Frame<bytes::Bytes>| -> Frame<bytes::Bytes> { panic!("seeded by a test") });
    answers.push(("/sum", "POST", call(&app, sum_request("").map(|_| panics)).await));
    let never = StreamBody::new(futures_util::stream::pending::<Result<_, Infallible>>());
    answers.push(("/sum", "POST", call(&app, sum_request("").map(|_| never)).await));
    answers
}

#[tokio::test(start_paused = true)]
async fn every_answer_is_described_and_every_description_is_answered() {
    let document = document();
    let mut seen = BTreeSet::new();
    for (path, method, reply) in answers().await {
        check(&document, path, method, &reply);
        seen.insert((path.to_owned(), method.to_lowercase(), reply.status.as_str().to_owned()));
    }
    let mut described = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            for status in operation["responses"].as_object().unwrap().keys() {
                // A refused method is described with `get` and `post`, and was sent as another one.
                let known = SIDECAR.contains(&status.as_str())
                    || seen
                        .iter()
                        .any(|(p, m, s)| p == path && s == status && (m == method || s == "405"));
                assert!(known, "{method} {path} {status} is described and does not happen");
                described += 1;
            }
        }
    }
    assert!(described >= 39, "{described} responses are described");
}

#[test]
fn the_routes_are_those_of_the_contract() {
    let document = document();
    let paths: Vec<_> = document["paths"].as_object().unwrap().keys().cloned().collect();
    let expected: BTreeSet<_> =
        ["/sum", "/healthz", "/readyz", "/openapi.json"].map(String::from).into();
    assert_eq!(paths.into_iter().collect::<BTreeSet<_>>(), expected);
}

#[test]
fn the_version_is_that_of_the_package() {
    assert_eq!(document()["info"]["version"], Sum::BUILD.version);
}

#[test]
fn every_reference_leads_somewhere() {
    /// Returns how many references it followed.
    fn walk(document: &Value, value: &Value) -> usize {
        match value {
            Value::Object(map) => {
                let reference = map.get("$ref").and_then(Value::as_str);
                if let Some(reference) = reference {
                    let found = document.pointer(reference.trim_start_matches('#'));
                    assert!(found.is_some(), "{reference}");
                }
                let below: usize = map.values().map(|value| walk(document, value)).sum();
                below + usize::from(reference.is_some())
            }
            Value::Array(values) => values.iter().map(|value| walk(document, value)).sum(),
            _ => 0,
        }
    }
    let document = document();
    let references = walk(&document, &document);
    assert!(references >= 85, "{references} references");
}

#[test]
fn examples_match_the_schema_of_the_body() {
    let document = document();
    let content = &document["paths"]["/sum"]["post"]["requestBody"]["content"]["application/json"];
    let schema = json!({ "components": document["components"], "allOf": [content["schema"]] });
    let examples = content["examples"].as_object().unwrap();
    assert!(examples.len() >= 2, "{} examples", examples.len());
    for example in examples.values() {
        assert!(jsonschema::is_valid(&schema, &example["value"]), "{example}");
    }
    for refused in [
        json!({}),
        json!({"a": 1}),
        json!({"a": 1, "b": "2"}),
        json!({"a": 1, "b": 2, "c": 3}),
        json!([1, 2]),
    ] {
        assert!(!jsonschema::is_valid(&schema, &refused), "{refused}");
    }
}
