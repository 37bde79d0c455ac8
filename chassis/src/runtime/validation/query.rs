//! The query of a request, by the `query` parameters of the document.
//!
//! A parameter whose schema has the type `array` can be repeated. Any other one is given once. Names and values are
//! percent-encoded UTF-8, and `+` is a space, as in a form of HTML.

use super::{MOST, compiled, faults, parameter_fault, summary};
use crate::problem::{ErrorStatus, Fault, Problem};
use jsonschema::Validator;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// How the text of a parameter becomes JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Text,
    Integer,
    List,
}

/// The query parameters of an operation.
#[derive(Debug)]
pub(super) struct Query {
    forms: BTreeMap<String, Form>,
    /// The schema of an object with a member for each parameter.
    schema: Validator,
}

/// 422 `invalid-query` with these errors. Its detail contains the first one.
pub(super) fn invalid(faults: Vec<Fault>) -> Problem {
    let detail = summary(&faults, |fault| fault.parameter.as_deref(), "The query");
    let status = ErrorStatus::UNPROCESSABLE_CONTENT;
    Problem::own(status, "invalid-query", "Invalid query", detail).with_errors(faults)
}

/// Whether a query has a parameter of this name: for a check before that of the whole query.
#[must_use]
pub fn has_parameter(query: &str, name: &str) -> bool {
    let names = query.split('&').map(|pair| pair.split_once('=').map_or(pair, |(name, _)| name));
    names.into_iter().any(|one| decoded(one).as_deref() == Some(name))
}

impl Query {
    /// The parameters of a path item and of its operation.
    pub(super) fn new(document: &Value, nodes: [&Value; 2]) -> Self {
        let (mut forms, mut members) = (BTreeMap::new(), Map::new());
        let mut required = Vec::new();
        for parameter in nodes.iter().filter_map(|node| node["parameters"].as_array()).flatten() {
            let parameter = resolved(document, parameter);
            let Some(name) = parameter["name"].as_str().filter(|_| parameter["in"] == "query")
            else {
                continue;
            };
            let form = match resolved(document, &parameter["schema"])["type"].as_str() {
                Some("array") => Form::List,
                Some("integer") => Form::Integer,
                _ => Form::Text,
            };
            forms.insert(name.to_owned(), form);
            members.insert(name.to_owned(), parameter["schema"].clone());
            if parameter["required"] == true {
                required.push(name);
            }
        }
        let schema =
            json!({ "properties": members, "required": required, "additionalProperties": false });
        Self { forms, schema: compiled(document, &schema) }
    }

    /// The parameters as the members of an object, and all errors.
    pub(super) fn read(&self, query: &str) -> (Value, Vec<Fault>) {
        let mut found = Vec::new();
        let mut values = Map::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (Some(name), Some(value)) = (decoded(name), decoded(value)) else {
                found.push(parameter_fault(name, "must be percent-encoded UTF-8"));
                continue;
            };
            match (self.forms.get(&name).copied().unwrap_or(Form::Text), values.get_mut(&name)) {
                (Form::List, Some(list)) => {
                    list.as_array_mut()
                        .into_iter()
                        .for_each(|list| list.push(value.as_str().into()));
                }
                (Form::List, None) => drop(values.insert(name, json!([value]))),
                (_, Some(_)) => {
                    let twice = parameter_fault(name, "must be given once");
                    if !found.contains(&twice) {
                        found.push(twice);
                    }
                }
                (Form::Integer, None) => drop(values.insert(name, integer(value))),
                (Form::Text, None) => drop(values.insert(name, value.into())),
            }
        }
        let values = Value::Object(values);
        let broken = self.schema.iter_errors(&values).flat_map(|error| faults(&error)).take(MOST);
        found.extend(broken.map(|fault| {
            let pointer = fault.pointer.unwrap_or_default();
            // The error of an item concerns the parameter.
            let name = pointer.trim_start_matches('/').split('/').next().unwrap_or_default();
            let name = name.replace("~1", "/").replace("~0", "~");
            parameter_fault(name, fault.detail)
        }));
        found.truncate(MOST);
        (values, found)
    }
}

fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let target = value["$ref"].as_str().and_then(|text| text.strip_prefix('#'));
    target.and_then(|pointer| document.pointer(pointer)).unwrap_or(value)
}

fn decoded(text: &str) -> Option<String> {
    let is_escape = |after: &str| {
        after.as_bytes().get(..2).is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit))
    };
    if !text.split('%').skip(1).all(is_escape) {
        return None;
    }
    let text = text.replace('+', " ");
    percent_decode_str(&text).decode_utf8().ok().map(String::from)
}

/// Decimal digits are a number, also if they exceed every integer type. The schema refuses any other text.
fn integer(text: String) -> Value {
    let digits = text.strip_prefix('-').unwrap_or(&text);
    let canonical = digits.bytes().all(|digit| digit.is_ascii_digit())
        && (digits == "0" || !digits.starts_with('0'));
    let number = canonical.then(|| serde_json::from_str::<Value>(&text).ok()).flatten();
    number.unwrap_or(Value::String(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query() -> Query {
        let operation = json!({ "parameters": [
            { "$ref": "#/components/parameters/Page" },
            { "name": "status", "in": "query", "schema": { "type": "array", "items": { "enum": ["new", "old"] } } },
            { "name": "text", "in": "query", "schema": { "type": "string", "minLength": 2 } },
            { "name": "If-Match", "in": "header", "schema": { "type": "string" } },
        ] });
        let page =
            json!({ "name": "page", "in": "query", "schema": { "type": "integer", "maximum": 9 } });
        let document = json!({ "components": { "parameters": { "Page": page } } });
        Query::new(&document, [&json!({}), &operation])
    }

    #[test]
    fn parameters_become_members() {
        for (text, expected) in [
            ("", json!({})),
            ("&&", json!({})),
            ("page=7", json!({ "page": 7 })),
            ("status=new&status=old&page=0", json!({ "status": ["new", "old"], "page": 0 })),
            ("text=a+b%2Bc%26%C3%A9", json!({ "text": "a b+c&é" })),
            ("%74ext=ab", json!({ "text": "ab" })),
            ("text=a=b", json!({ "text": "a=b" })),
        ] {
            assert_eq!(query().read(text), (expected, Vec::new()), "{text}");
        }
    }

    #[test]
    fn parameter_is_found_in_every_encoding() {
        for (query, found) in
            [("q=abc", true), ("a=1&%71=abc", true), ("q", true), ("a=q", false), ("qq=1", false)]
        {
            assert_eq!(has_parameter(query, "q"), found, "{query}");
        }
    }

    #[test]
    fn every_error_is_named_by_its_parameter() {
        for (text, expected) in [
            ("page=x", "page must be of the type integer."),
            ("page=01", "page must be of the type integer."),
            ("page=1.0", "page must be of the type integer."),
            ("page=", "page must be of the type integer."),
            ("page=10", "page must be at most 9."),
            ("page=99999999999999999999999", "page must be at most 9."),
            ("page=1&page=1&page=2", "page must be given once."),
            ("status=new&status=other", "status must be one of [\"new\",\"old\"]."),
            ("text=%ff", "text must be percent-encoded UTF-8."),
            ("text=ab%zz", "text must be percent-encoded UTF-8."),
            ("text=ab%4", "text must be percent-encoded UTF-8."),
            ("text=ab%", "text must be percent-encoded UTF-8."),
            ("text=%C3%A9", "text must have at least 2 characters."),
            ("If-Match=1", "If-Match is not known."),
            ("a%2Fb=1", "a/b is not known."),
            ("x=1&page=x", "page must be of the type integer. `errors` has all 2 errors."),
        ] {
            let problem = format!("{:?}", invalid(query().read(text).1));
            let expected = format!("{expected:?}");
            assert!(problem.contains(&expected), "{text}: {expected} {problem}");
        }
    }
}
