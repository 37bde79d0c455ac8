//! Examples. The smoke test, the load generators and the contract tests send them.

use super::reader::{Faults, Node};
use serde_json::Value;

/// A named example of a JSON body.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    /// Its name in `examples`.
    pub name: String,
    /// The body.
    pub value: Value,
}

/// The examples of a request's JSON body. Reports a JSON body without an example, in the request or in the first 2xx
/// response.
pub(super) fn read(root: &Node<'_>, operation: &Node<'_>, faults: &mut Faults) -> Vec<Example> {
    let mut found = Vec::new();
    if let Some(body) = operation.member("requestBody") {
        found = of_json(root, &body, faults);
    }
    let success = operation.member("responses").and_then(|responses| {
        let mut responses = responses.members();
        responses.find(|(status, _)| status.starts_with('2')).map(|(_, response)| response)
    });
    match success {
        Some(response) => drop(of_json(root, &response, faults)),
        None => faults.add(&operation.at_member("responses"), "must have a 2xx response"),
    }
    found
}

/// The examples of `application/json` in a body or a response. Empty for another media type.
fn of_json(root: &Node<'_>, node: &Node<'_>, faults: &mut Faults) -> Vec<Example> {
    let node = Node { value: resolved(root, node.value), at: node.at.clone() };
    let Some(media) = node.member("content").and_then(|content| content.member("application/json"))
    else {
        return Vec::new();
    };
    let examples: Vec<Example> = media
        .member("examples")
        .iter()
        .flat_map(Node::members)
        .filter_map(|(name, example)| {
            let value = resolved(root, example.value).get("value")?.clone();
            Some(Example { name: name.into(), value })
        })
        .collect();
    if examples.is_empty() {
        faults.add(&media.at_member("examples"), "must have at least one example with a `value`");
    }
    examples
}

/// Resolves a local reference and returns any other value unchanged. One step is enough: components hold no
/// references to references.
pub(super) fn resolved<'a>(root: &Node<'a>, value: &'a Value) -> &'a Value {
    let target = value.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix('#'));
    target.and_then(|pointer| root.value.pointer(pointer)).unwrap_or(value)
}
