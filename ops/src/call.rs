//! The example call of a service, which the smoke test, the rehearsal and the drills send.
//!
//! The OpenAPI document has examples of requests and responses. This module takes the first example of the first
//! operation that needs a key and has no parameters. The response must have the documented status and every member of
//! its example. The values only need the same JSON type, because an identifier or a time differs between calls.

use std::path::Path;

use anyhow::Context as _;
use chassis::document::{Access, Document, Limit, Limited, Operation, Probe};
use serde_json::Value;

use crate::testbed::certificate::HOST;

/// Reads the document of a service's folder below `services`.
pub fn document(root: &Path, service: &str) -> anyhow::Result<Document> {
    let path = root.join("services").join(service).join("openapi.json");
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    Document::parse(&text).with_context(|| path.display().to_string())
}

/// A call with a key, and the expected response.
#[derive(Debug, Clone)]
pub struct Call {
    /// The `operationId`.
    pub id: String,
    /// Its method.
    pub method: &'static str,
    /// Its path.
    pub path: String,
    /// The JSON body; empty if the operation has none.
    pub body: String,
    /// The status of a success.
    pub status: u16,
    /// The rate limit that counts the call.
    pub limit: Limit,
    /// The path of the liveness probe.
    pub live: String,
    /// The path of the readiness probe.
    pub ready: String,
    /// The example of the response, if it is JSON.
    answer: Option<Value>,
}

impl Call {
    /// The example call from a service's document.
    pub fn from_document(document: &Document) -> anyhow::Result<Self> {
        let name = &document.service.name;
        let callable = |operation: &&Operation| {
            operation.access == Access::ApiKey
                && operation.path.is_static()
                && (operation.max_body.is_none() || !operation.examples.is_empty())
        };
        let operation = document.operations.iter().find(callable);
        let operation = operation.with_context(|| {
            format!(
                "{name} has no operation that needs a key, has no parameters and has an example"
            )
        })?;
        let limit = match &operation.limit {
            Limited::By(name) => name,
            Limited::ByCredentials | Limited::Never => "client",
        };
        let limit = document.service.limits.iter().find(|known| known.name == limit);
        let probe = |is: fn(&Probe) -> bool| {
            let found = document.operations.iter().find(|o| o.probe.as_ref().is_some_and(is));
            found
                .map(|o| o.path.to_string())
                .with_context(|| format!("{name} must have a liveness and a readiness probe"))
        };
        let (status, answer) = success(&document.public, operation)?;
        Ok(Self {
            id: operation.id.clone(),
            method: operation.method.as_str(),
            path: operation.path.to_string(),
            body: operation.examples.first().map_or_else(String::new, |e| e.value.to_string()),
            status,
            limit: limit.context("the operation has an undeclared limit")?.clone(),
            live: probe(|probe| *probe == Probe::Live)?,
            ready: probe(|probe| matches!(probe, Probe::Ready(_)))?,
            answer,
        })
    }

    /// Whether a response is a success according to the document.
    #[must_use]
    pub fn is_answered_by(&self, status: u16, body: &[u8]) -> bool {
        let fits = |example| serde_json::from_slice(body).is_ok_and(|found| fits(example, &found));
        status == self.status && self.answer.as_ref().is_none_or(fits)
    }

    /// The complete HTTP request with a key, for the load generator.
    #[must_use]
    pub fn bytes(&self, key: &str) -> Vec<u8> {
        let Self { method, path, body, .. } = self;
        let content = if body.is_empty() {
            String::new()
        } else {
            format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len())
        };
        format!(
            "{method} {path} HTTP/1.1\r\nHost: {HOST}\r\nX-Api-Key: {key}\r\n{content}\r\n{body}"
        )
        .into_bytes()
    }

    /// A client's rate in requests a second, at 80 percent of its limit.
    #[must_use]
    pub fn calm_rate(&self) -> f64 {
        f64::from(self.limit.rate) * 0.8
    }
}

/// The first success status of an operation, and its first JSON example.
fn success(public: &str, operation: &Operation) -> anyhow::Result<(u16, Option<Value>)> {
    let document: Value = serde_json::from_str(public)?;
    let resolved = |value: &Value| -> Value {
        let target = value["$ref"].as_str().and_then(|text| text.strip_prefix('#'));
        target.and_then(|pointer| document.pointer(pointer)).unwrap_or(value).clone()
    };
    let method = operation.method.as_str().to_ascii_lowercase();
    let responses = &document["paths"][operation.path.to_string()][method]["responses"];
    let mut responses = responses.as_object().into_iter().flatten();
    let (status, response) = responses
        .find(|(status, _)| status.starts_with('2'))
        .context("the operation has no success response")?;
    let examples = &resolved(response)["content"]["application/json"]["examples"];
    let example = examples.as_object().and_then(|examples| examples.values().next());
    Ok((status.parse()?, example.map(|example| resolved(example)["value"].clone())))
}

fn fits(example: &Value, found: &Value) -> bool {
    match (example, found) {
        (Value::Object(example), Value::Object(found)) => example
            .iter()
            .all(|(name, example)| found.get(name).is_some_and(|found| fits(example, found))),
        _ => std::mem::discriminant(example) == std::mem::discriminant(found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call() -> Call {
        let text = include_str!("../../contract/parcels/openapi.json");
        Call::from_document(&Document::parse(text).unwrap()).unwrap()
    }

    #[test]
    fn first_operation_with_a_key_is_the_example_call() {
        let call = call();
        assert_eq!((call.method, &*call.path, &*call.body), ("POST", "/quote", r#"{"grams":250}"#));
        assert_eq!((&*call.live, &*call.ready), ("/healthz", "/readyz"));
        assert_eq!((&*call.limit.name, call.limit.rate), ("quote", 2));
        assert_eq!(
            String::from_utf8(call.bytes("k")).unwrap().split("\r\n").collect::<Vec<_>>()[2..],
            [
                "X-Api-Key: k",
                "Content-Type: application/json",
                "Content-Length: 13",
                "",
                &*call.body
            ]
        );
    }

    #[test]
    fn response_must_have_the_members_of_the_example() {
        let call = call();
        for (status, body, expected) in [
            (200, r#"{"cents":495}"#, true),
            (200, r#"{"cents":1,"more":[]}"#, true),
            (201, r#"{"cents":495}"#, false),
            (200, r#"{"cents":"495"}"#, false),
            (200, r#"{"cent":495}"#, false),
            (200, "[]", false),
            (200, "", false),
        ] {
            assert_eq!(call.is_answered_by(status, body.as_bytes()), expected, "{status} {body}");
        }
    }
}
