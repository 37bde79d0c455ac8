//! Compares the document of a service with its answers in both directions: every answer is described, and every
//! described answer occurs.

use super::{Answered, Reply, document};
use crate::document::{Document, Method, Operation};
use crate::service::Service;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Answers of only the sidecar, and of an operation that takes too long. The contract tests compare these with the
/// document.
const ELSEWHERE: [&str; 4] = ["429", "431", "502", "504"];
/// Headers of the protocol, which need no description.
const PROTOCOL: [&str; 4] = ["cache-control", "connection", "content-type", "transfer-encoding"];
/// The header that the sidecar adds.
const OF_THE_SIDECAR: &str = "RateLimit-Policy";

/// Compares the answers with the document in both directions. Returns the number of described responses.
#[must_use]
pub fn compare<S: Service>(answers: &[Answered]) -> usize {
    let typed = document::<S>();
    let document: Value = serde_json::from_str(&typed.public).unwrap();
    let mut seen = BTreeSet::new();
    for Answered { path, method, reply } in answers {
        for operation in operations(&typed, path, method) {
            check(&document, operation, method, reply);
            seen.insert((operation.id.as_str(), reply.status.as_u16().to_string()));
        }
    }
    let mut count = 0;
    for operation in &typed.operations {
        for status in responses(&document, operation).keys() {
            let known = ELSEWHERE.contains(&status.as_str())
                || seen.contains(&(operation.id.as_str(), status.clone()))
                // Only its own code can panic, and the test cannot cause that.
                || (status == "500" && operation.media_types.is_empty());
            assert!(known, "{}: {status} is described, but does not occur", operation.id);
            count += 1;
        }
    }
    assert!(count > 0 && seen.len() > typed.operations.len(), "{count} described, {seen:?} seen");
    count
}

/// Checks the document itself: the version, the references, and the examples against their schemas.
pub fn check_document<S: Service>() {
    let typed = document::<S>();
    let document: Value = serde_json::from_str(&typed.public).unwrap();
    assert_eq!(document["info"]["version"], S::BUILD.version);
    check_references(&document, &document);
    let mut examples = 0;
    for operation in &typed.operations {
        let item = &document["paths"][operation.path.to_string()];
        let request = &item[operation.method.as_str().to_lowercase()]["requestBody"];
        for place in responses(&document, operation).values().chain([request]) {
            let media = &resolved(&document, place)["content"]["application/json"];
            for (name, example) in media["examples"].as_object().into_iter().flatten() {
                let value = &resolved(&document, example)["value"];
                let what = format!("{}: example {name}", operation.id);
                validate(&document, &media["schema"], value, &what);
                examples += 1;
            }
        }
    }
    assert!(examples >= typed.operations.len(), "{examples} examples");
}

/// The operation of a method. Each operation of the path except HEAD describes the refusal of any other method.
fn operations<'a>(document: &'a Document, path: &str, method: &str) -> Vec<&'a Operation> {
    let paths = document.paths();
    let found = paths.into_iter().find(|(template, _)| template.to_string() == path);
    let (_, operations) = found.unwrap_or_else(|| panic!("{path} is not in the document"));
    let of = |method: &str| operations.iter().find(|known| known.method.as_str() == method);
    let get = || of(Method::Get.as_str()).filter(|_| method == Method::Head.as_str());
    match of(method).or_else(get) {
        Some(operation) => vec![operation],
        None => operations.iter().copied().filter(|known| known.method != Method::Head).collect(),
    }
}

fn responses<'a>(document: &'a Value, operation: &Operation) -> &'a serde_json::Map<String, Value> {
    let item = &document["paths"][operation.path.to_string()];
    item[operation.method.as_str().to_lowercase()]["responses"].as_object().unwrap()
}

fn check(document: &Value, operation: &Operation, method: &str, reply: &Reply) {
    let what = format!("{}, {method}: {}", operation.id, reply.status.as_u16());
    let response = responses(document, operation).get(reply.status.as_str());
    let response = response.unwrap_or_else(|| panic!("{what} is not described: {}", reply.body));
    let response = resolved(document, response);
    let mut described = BTreeSet::new();
    for (name, header) in response["headers"].as_object().into_iter().flatten() {
        // Only some of the responses with this status have the header.
        let optional = resolved(document, header)["required"] == false || name == OF_THE_SIDECAR;
        let sent = reply.header(name).is_some() || optional;
        assert!(sent, "{what}: {name} is described, but not sent");
        described.insert(name.to_lowercase());
    }
    for name in reply.headers.keys().map(hyper::header::HeaderName::as_str) {
        let known = described.contains(name) || PROTOCOL.contains(&name);
        assert!(known, "{what}: the header {name} is not described");
    }
    if method == Method::Head.as_str() {
        return;
    }
    let Some(kind) = reply.header("content-type") else {
        return assert!(response["content"].is_null(), "{what}: no body is sent");
    };
    let schema = &response["content"][kind]["schema"];
    assert!(!schema.is_null(), "{what}: {kind} is not described");
    if kind.ends_with("json") {
        validate(document, schema, &reply.json(), &what);
    }
}

fn validate(document: &Value, schema: &Value, value: &Value, what: &str) {
    let schema = json!({ "components": document["components"], "allOf": [schema] });
    if let Err(error) = jsonschema::validate(&schema, value) {
        panic!("{what}: {error}: {value}");
    }
}

fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap(),
        None => value,
    }
}

fn check_references(document: &Value, value: &Value) {
    if let Some(reference) = value["$ref"].as_str() {
        let found = document.pointer(reference.trim_start_matches('#'));
        assert!(found.is_some(), "{reference} has no target");
    }
    match value {
        Value::Object(members) => {
            members.values().for_each(|member| check_references(document, member));
        }
        Value::Array(items) => items.iter().for_each(|item| check_references(document, item)),
        _ => {}
    }
}
