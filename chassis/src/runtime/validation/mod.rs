//! Checks the body and the query of a request against the document, with the feature `validation`.
//!
//! The document is the only judge of members, parameters, types and lengths. The response names every error, not only
//! the first. No text repeats a value of the caller, because a value can be a password.

mod faults;
mod query;

use self::faults::faults;
use self::query::Query;
pub use self::query::has_parameter;
use crate::document::strict;
use crate::problem::{Fault, Problem};
use crate::service::{Request, refused};
use jsonschema::Validator;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The most errors that a response names.
const MOST: usize = 32;

/// The schemas of a document: the JSON body and the query of each operation.
#[derive(Debug)]
pub struct Schemas {
    bodies: BTreeMap<String, Validator>,
    queries: BTreeMap<String, Query>,
}

/// A JSON body that is not checked yet.
#[derive(Debug)]
pub struct Body {
    /// The body. Of a repeated member, it has the last value.
    pub value: Value,
    /// JSON pointers to the repeated members.
    repeated: Vec<String>,
}

impl Schemas {
    /// Prepares the schemas of a valid document.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "the document was checked before")]
    pub fn new(document: &str) -> Self {
        let document: Value = serde_json::from_str(document).expect("a document is JSON");
        let mut schemas = Self { bodies: BTreeMap::new(), queries: BTreeMap::new() };
        for (_, item) in document["paths"].as_object().into_iter().flatten() {
            for (_, operation) in item.as_object().into_iter().flatten() {
                let Some(id) = operation["operationId"].as_str() else {
                    continue;
                };
                let body = operation.pointer("/requestBody/content/application~1json/schema");
                if let Some(body) = body {
                    schemas.bodies.insert(id.to_owned(), compiled(&document, body));
                }
                schemas.queries.insert(id.to_owned(), Query::new(&document, [item, operation]));
            }
        }
        schemas
    }

    /// Checks the query of an operation without a body and without parameters of its own.
    pub fn no_query(&self, request: &Request<'_>) -> Result<(), Problem> {
        let found = self.query_faults(request);
        if found.is_empty() { Ok(()) } else { Err(query::invalid(found)) }
    }

    fn query_faults(&self, request: &Request<'_>) -> Vec<Fault> {
        let query = request.uri.query().unwrap_or_default();
        self.queries.get(request.operation).map_or_else(Vec::new, |schema| schema.read(query).1)
    }

    /// The body of a request. Returns 400 if it is not JSON, and 422 `invalid-body` with all errors if it breaks its
    /// schema.
    pub fn body<T: DeserializeOwned>(&self, request: &Request<'_>) -> Result<T, Problem> {
        self.body_with(request, |_| Vec::new())
    }

    /// Like [`Schemas::body`], with rules that a schema cannot express. A rule's error counts only if the schema accepts
    /// the member and everything around it.
    pub fn body_with<T: DeserializeOwned>(
        &self,
        request: &Request<'_>,
        rules: impl FnOnce(&Value) -> Vec<Fault>,
    ) -> Result<T, Problem> {
        self.check(request, &Self::json(request)?, rules)
    }

    /// The body of a request, not checked yet: for an operation that can refuse the request for another reason first.
    /// Returns 400 if it is not JSON.
    pub fn json(request: &Request<'_>) -> Result<Body, Problem> {
        let (value, repeated) = strict::value(&request.body).map_err(|error| refused(&error))?;
        Ok(Body { value, repeated })
    }

    /// Checks a body and the query, as [`Schemas::body_with`] does.
    pub fn check<T: DeserializeOwned>(
        &self,
        request: &Request<'_>,
        body: &Body,
        rules: impl FnOnce(&Value) -> Vec<Fault>,
    ) -> Result<T, Problem> {
        let Body { value, repeated } = body;
        let mut found: Vec<Fault> =
            repeated.iter().map(|pointer| fault(pointer.as_str(), "is given twice")).collect();
        let schema = self.bodies.get(request.operation);
        let errors = schema.into_iter().flat_map(|schema| schema.iter_errors(value));
        let by_schema: Vec<Fault> = errors.flat_map(|error| faults(&error)).take(MOST).collect();
        let broken =
            rules(value).into_iter().filter(|rule| !by_schema.iter().any(|it| covers(it, rule)));
        let broken: Vec<Fault> = broken.collect();
        found.extend(by_schema);
        found.extend(broken);
        let query = self.query_faults(request);
        if !found.is_empty() {
            found.extend(query);
            return Err(invalid(found));
        }
        if !query.is_empty() {
            return Err(query::invalid(query));
        }
        T::deserialize(value).map_err(|error| refused(&error))
    }

    /// The query parameters of a request, as the members of an object. Returns 422 `invalid-query` with all errors if
    /// one is not declared, repeated without being a list, or breaks its schema. `rules` are those that a schema cannot
    /// express. A rule's error counts only for a parameter that the schema accepts.
    pub fn query<T: DeserializeOwned>(
        &self,
        request: &Request<'_>,
        rules: impl FnOnce(&Value) -> Vec<Fault>,
    ) -> Result<T, Problem> {
        let schema = self.queries.get(request.operation);
        let schema = schema.ok_or_else(|| Problem::internal("the operation is not declared"))?;
        let (value, mut found) = schema.read(request.uri.query().unwrap_or_default());
        let broken = rules(&value)
            .into_iter()
            .filter(|rule| found.iter().all(|fault| fault.parameter != rule.parameter));
        let broken: Vec<Fault> = broken.collect();
        found.extend(broken);
        if !found.is_empty() {
            return Err(query::invalid(found));
        }
        T::deserialize(value).map_err(|error| Problem::internal(error.to_string()))
    }
}

/// A schema without references, for a value whose schema the body does not decide alone.
#[derive(Debug)]
pub struct Schema(Validator);

impl Schema {
    /// Prepares a valid schema.
    #[must_use]
    pub fn new(schema: &Value) -> Self {
        Self(compiled(&Value::Null, schema))
    }

    /// The errors of a value, which is the member `at` of a body.
    #[must_use]
    pub fn faults(&self, value: &Value, at: &str) -> Vec<Fault> {
        let found = self.0.iter_errors(value).flat_map(|error| faults(&error)).take(MOST);
        let placed = found.map(|mut fault| {
            fault.pointer = fault.pointer.map(|pointer| format!("{at}{pointer}"));
            fault
        });
        placed.collect()
    }
}

/// Whether an error is at the member of another one, or around it.
fn covers(error: &Fault, other: &Fault) -> bool {
    let (Some(at), Some(other)) = (&error.pointer, &other.pointer) else { return false };
    other.strip_prefix(at).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A schema whose references point into the document.
fn compiled(document: &Value, schema: &Value) -> Validator {
    let schema = json!({ "allOf": [schema], "components": document["components"] });
    jsonschema::draft202012::options()
        .should_validate_formats(true)
        .build(&schema)
        .expect("the lint and the tests check every schema")
}

/// 422 `invalid-body` with these errors. Its detail contains the first one.
#[must_use]
pub fn invalid(faults: Vec<Fault>) -> Problem {
    let detail = summary(&faults, |fault| fault.pointer.as_deref(), "The body");
    Problem::invalid_body(detail).with_errors(faults)
}

/// The first error as a sentence, and the number of errors.
fn summary(
    faults: &[Fault],
    place: impl Fn(&Fault) -> Option<&str>,
    whole: &'static str,
) -> String {
    let first = faults.first().map_or_else(String::new, |fault| {
        let at = place(fault).filter(|place| !place.is_empty()).unwrap_or(whole);
        format!("{at} {}.", fault.detail)
    });
    match faults.len() {
        0 | 1 => first,
        count => format!("{first} `errors` has all {count} errors."),
    }
}

/// An error at a member of the body. `detail` continues the sentence "The member …".
#[must_use]
pub fn fault(pointer: impl Into<String>, detail: impl Into<String>) -> Fault {
    Fault { detail: detail.into().into(), pointer: Some(pointer.into()), parameter: None }
}

/// An error of a query parameter. `detail` continues the sentence "The parameter …".
#[must_use]
pub fn parameter_fault(parameter: impl Into<String>, detail: impl Into<String>) -> Fault {
    Fault { detail: detail.into().into(), pointer: None, parameter: Some(parameter.into()) }
}
