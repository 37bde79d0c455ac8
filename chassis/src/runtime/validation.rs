//! Checks the body of a request against its schema in the document, with the feature `validation`.
//!
//! The document is the only judge of the members, types and lengths of a body. The response names every error, not only
//! the first. No text repeats a value of the caller, because a value can be a password.

use crate::document::strict;
use crate::problem::{Fault, Problem};
use crate::service::{Request, refused};
use jsonschema::error::{TypeKind, ValidationError, ValidationErrorKind as Kind};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The most errors that a response names.
const MOST: usize = 32;

/// The schemas of all JSON bodies of a document, by the path and the method of the operation.
#[derive(Debug)]
pub struct Schemas(BTreeMap<String, jsonschema::Validator>);

impl Schemas {
    /// Prepares the schemas of a valid document.
    #[must_use]
    #[expect(
        clippy::missing_panics_doc,
        reason = "the lint and the tests check the schemas of a document"
    )]
    pub fn new(document: &str) -> Self {
        let document: Value = serde_json::from_str(document).expect("a document is JSON");
        let paths = document["paths"].as_object().into_iter().flatten();
        let operations = paths.flat_map(|(_, item)| item.as_object().into_iter().flatten());
        let schemas = operations.filter_map(|(_, operation)| {
            let id = operation["operationId"].as_str()?;
            let schema = operation.pointer("/requestBody/content/application~1json/schema")?;
            // References point into the document.
            let schema = json!({ "allOf": [schema], "components": document["components"] });
            let schema = jsonschema::draft202012::options()
                .should_validate_formats(true)
                .build(&schema)
                .expect("a schema of a document is valid");
            Some((id.to_owned(), schema))
        });
        Self(schemas.collect())
    }

    /// The body of a request. Returns 400 if it is not JSON, and 422 `invalid-body` with all errors if it breaks its
    /// schema.
    pub fn body<T: DeserializeOwned>(&self, request: &Request<'_>) -> Result<T, Problem> {
        self.body_with(request, |_| Vec::new())
    }

    /// Like [`Schemas::body`], with rules that a schema cannot express. A rule's error counts only for a member that
    /// the schema accepts.
    pub fn body_with<T: DeserializeOwned>(
        &self,
        request: &Request<'_>,
        rules: impl FnOnce(&Value) -> Vec<Fault>,
    ) -> Result<T, Problem> {
        let value = strict::value(&request.body).map_err(|error| refused(&error))?;
        let mut found = Vec::new();
        if let Some(schema) = self.0.get(request.operation) {
            found.extend(schema.iter_errors(&value).flat_map(|error| faults(&error)).take(MOST));
        }
        let broken = rules(&value);
        found.extend(
            broken
                .into_iter()
                .filter(|rule| !found.iter().any(|fault| fault.pointer == rule.pointer))
                .collect::<Vec<_>>(),
        );
        if !found.is_empty() {
            return Err(invalid(found));
        }
        serde_json::from_value(value).map_err(|error| refused(&error))
    }
}

/// 422 `invalid-body` with these errors. Its detail contains the first one.
#[must_use]
pub fn invalid(faults: Vec<Fault>) -> Problem {
    let first = faults.first().map_or_else(String::new, |fault| {
        let at = fault.pointer.as_deref().filter(|pointer| !pointer.is_empty());
        match at {
            Some(pointer) => format!("{pointer} {}.", fault.detail),
            None => format!("The body {}.", fault.detail),
        }
    });
    let detail = match faults.len() {
        0 | 1 => first,
        count => format!("{first} `errors` has all {count} errors."),
    };
    Problem::invalid_body(detail).with_errors(faults)
}

/// An error at a member of the body. `detail` continues the sentence "The member …".
#[must_use]
pub fn fault(pointer: impl Into<String>, detail: impl Into<String>) -> Fault {
    Fault { detail: detail.into().into(), pointer: Some(pointer.into()), parameter: None }
}

/// One error of the schema. An error of an object can concern several members.
fn faults(error: &ValidationError<'_>) -> Vec<Fault> {
    let at = error.instance_path().as_str().to_owned();
    let member = |name: &str| format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
    let detail = match error.kind() {
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            return unexpected.iter().map(|name| fault(member(name), "is not known")).collect();
        }
        Kind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            return vec![fault(member(name), "is missing")];
        }
        Kind::Type { kind } => format!("must be {}", types(kind)),
        Kind::MinLength { limit } => format!("must have at least {limit} characters"),
        Kind::MaxLength { limit } => format!("must have at most {limit} characters"),
        Kind::Minimum { limit } => format!("must be at least {limit}"),
        Kind::Maximum { limit } => format!("must be at most {limit}"),
        Kind::Pattern { pattern } => format!("must match the pattern {pattern}"),
        Kind::Enum { options } => format!("must be one of {options}"),
        Kind::Format { format } => format!("must have the format {format}"),
        _ => error.masked().to_string(),
    };
    vec![fault(at, detail)]
}

fn types(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Single(one) => format!("of the type {one}"),
        TypeKind::Multiple(several) => {
            let names: Vec<String> = several.iter().map(|one| one.to_string()).collect();
            format!("of the type {}", names.join(" or "))
        }
    }
}
