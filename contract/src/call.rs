//! The valid case of an operation, from its document: method, path with its parameters, credentials, first example of
//! the request, and the expected response.

use crate::http::{Request, Response};
use crate::service::Service;
use crate::values::Values;
use chassis::document::{Access, Method, Operation, Segment};
use serde_json::Value;
use std::collections::BTreeMap;

/// The header of a key.
pub const API_KEY: &str = "X-Api-Key";
/// The header of a token.
pub const AUTHORIZATION: &str = "Authorization";

/// A request that the service accepts.
#[derive(Debug, Clone)]
pub struct Call<'a> {
    /// The called operation.
    pub operation: &'a Operation,
    /// The path with its parameters filled in.
    pub path: String,
    /// The body, if the operation takes one.
    pub body: Option<String>,
    /// The status of a success.
    pub status: u16,
    /// An example of the response: the one of the same name as the request's, otherwise the first.
    pub example: Option<Value>,
    /// The media types that the document declares for the response. Empty: no body.
    media_types: Vec<String>,
    credentials: Option<(&'static str, String)>,
}

impl<'a> Call<'a> {
    /// The call of an operation with its first example.
    #[must_use]
    pub fn new(service: &Service, operation: &'a Operation, values: &Values) -> Self {
        Self::with_example(service, operation, values, 0, &service.case(operation).parameters)
    }

    /// The call of a step of the setup: with this example, and with values of other names for path parameters.
    pub(crate) fn of_setup(
        service: &Service,
        operation: &'a Operation,
        values: &Values,
        example: Option<&str>,
        parameters: &BTreeMap<String, String>,
    ) -> Self {
        let number = example.map_or(Some(0), |name| {
            operation.examples.iter().position(|example| example.name == name)
        });
        let number =
            number.unwrap_or_else(|| panic!("{} has no example {example:?}", operation.id));
        Self::with_example(service, operation, values, number, parameters)
    }

    /// The call of an operation with each of its examples.
    #[must_use]
    pub fn all(service: &Service, operation: &'a Operation, values: &Values) -> Vec<Self> {
        let examples = operation.examples.len().max(1);
        let parameters = &service.case(operation).parameters;
        let call = |number| Self::with_example(service, operation, values, number, parameters);
        (0..examples).map(call).collect()
    }

    fn with_example(
        service: &Service,
        operation: &'a Operation,
        values: &Values,
        number: usize,
        parameters: &BTreeMap<String, String>,
    ) -> Self {
        let segments = operation.path.segments().iter().map(|segment| match segment {
            Segment::Static(text) => format!("/{text}"),
            Segment::Parameter(name) => {
                let named = parameters.get(name).unwrap_or(name);
                let value =
                    values.get(named).or_else(|| service.parameter_example(operation, name));
                format!("/{}", value.unwrap_or("x1"))
            }
        });
        let (status, mut examples) = service.success(operation);
        let sent = operation.examples.get(number);
        let named =
            examples.iter().position(|(name, _)| sent.is_some_and(|sent| sent.name == *name));
        let credentials = match operation.access {
            Access::Open => None,
            Access::ApiKey => Some((API_KEY, values.key.clone())),
            Access::Bearer => {
                let token = values.required("token", service);
                Some((AUTHORIZATION, format!("Bearer {}", token.unwrap_or_default())))
            }
        };
        Self {
            operation,
            path: Some(segments.collect::<String>())
                .filter(|p| !p.is_empty())
                .unwrap_or("/".into()),
            body: sent.map(|sent| service.case(operation).body(&sent.value, values, service)),
            status,
            media_types: service.media_types(operation, status),
            example: (!examples.is_empty()).then(|| examples.remove(named.unwrap_or(0)).1),
            credentials,
        }
    }

    /// The request without credentials.
    #[must_use]
    pub fn bare(&self) -> Request {
        let request = Request::new(self.operation.method.as_str(), &self.path);
        match (&self.body, self.operation.media_types.first()) {
            (Some(body), Some(media_type)) => request.header("Content-Type", media_type).body(body),
            _ => request,
        }
    }

    /// The request.
    #[must_use]
    pub fn request(&self) -> Request {
        self.authorized(self.bare())
    }

    /// Adds the credentials to another request.
    #[must_use]
    pub fn authorized(&self, request: Request) -> Request {
        match &self.credentials {
            Some((name, value)) => request.header(name, value),
            None => request,
        }
    }

    /// Sets another key, if the operation takes keys.
    #[must_use]
    pub fn keyed(mut self, key: &str) -> Self {
        if let Some((API_KEY, value)) = &mut self.credentials {
            key.clone_into(value);
        }
        self
    }

    /// The header line of the credentials with CRLF, for a request that is written as bytes.
    #[must_use]
    pub fn credentials_line(&self) -> String {
        let line = |(name, value): &(&str, String)| format!("{name}: {value}\r\n");
        self.credentials.as_ref().map(line).unwrap_or_default()
    }

    /// Whether the response equals the example, for an operation whose answer depends only on its request.
    #[must_use]
    pub fn is_answer(&self, response: &Response) -> bool {
        response.status == self.status
            && self.example.as_ref().is_none_or(|example| is_same(example, &response.json()))
    }

    /// Whether the response has no faults.
    #[must_use]
    pub fn is_like(&self, response: &Response) -> bool {
        self.faults(response).is_empty()
    }

    /// The faults of the response to a valid request. The status must be correct, and the response must contain every
    /// member of the example with the same JSON type.
    #[must_use]
    pub fn faults(&self, response: &Response) -> Vec<String> {
        if response.status != self.status {
            return vec![format!(
                "status {} instead of {}: {}",
                response.status,
                self.status,
                response.text()
            )];
        }
        if self.operation.method == Method::Head {
            return Vec::new();
        }
        let sent = response.all("Content-Type");
        let declared = match sent[..] {
            [] => self.media_types.is_empty() && response.body.is_empty(),
            [sent] => self.media_types.iter().any(|declared| declared == sent),
            _ => false,
        };
        if !declared {
            return vec![format!("Content-Type is {sent:?} instead of {:?}", self.media_types)];
        }
        let different = |example| difference(example, &response.json(), "");
        self.example.as_ref().and_then(different).into_iter().collect()
    }
}

/// Whether two values are the same JSON. `68` and `68.0` are the same number.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            let is_in_other = |(name, value)| other.get(name).is_some_and(|it| is_same(value, it));
            one.len() == other.len() && one.iter().all(is_in_other)
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len()
                && one.iter().zip(other).all(|(one, other)| is_same(one, other))
        }
        (Value::Number(one), Value::Number(other)) if one.is_f64() != other.is_f64() => {
            one.as_f64() == other.as_f64()
        }
        _ => one == other,
    }
}

/// The first place where a value differs from the shape of an example. Lists can be empty. A member that is `null` in the
/// example can have any value.
fn difference(example: &Value, found: &Value, at: &str) -> Option<String> {
    match (example, found) {
        (Value::Object(members), Value::Object(found)) => {
            members.iter().find_map(|(name, member)| {
                let at = format!("{at}/{name}");
                match found.get(name) {
                    Some(found) => difference(member, found, &at),
                    None => Some(format!("{at} is missing")),
                }
            })
        }
        (Value::Array(items), Value::Array(found)) => {
            let first = items.first().zip(found.first());
            first.and_then(|(item, found)| difference(item, found, &format!("{at}/0")))
        }
        (Value::String(_), Value::String(_))
        | (Value::Number(_), Value::Number(_))
        | (Value::Bool(_), Value::Bool(_))
        | (Value::Null, _) => None,
        _ => Some(format!("{at} is {found}, expected a value like {example}")),
    }
}

#[cfg(test)]
mod tests {
    use super::{difference, is_same};
    use serde_json::json;

    #[test]
    fn is_same_ignores_the_notation_of_numbers() {
        let example = json!({"n": 68, "items": [1, -40.0]});
        for (found, expected) in [
            (json!({"items": [1.0, -40], "n": 68.0}), true),
            (json!({"items": [1.0, -40], "n": 68.5}), false),
            (json!({"items": [-40, 1], "n": 68}), false),
            (json!({"items": [1, -40, 1], "n": 68}), false),
            (json!({"items": [1, -40], "n": "68"}), false),
            (json!({"items": [1, -40], "n": 68, "m": 1}), false),
            (json!({"items": [1, -40]}), false),
        ] {
            assert_eq!(is_same(&example, &found), expected, "{found}");
            assert_eq!(is_same(&found, &example), expected, "{found}");
        }
        let large = json!(9_007_199_254_740_993_u64);
        assert!(!is_same(&large, &json!(9_007_199_254_740_992_u64)));
    }

    #[test]
    fn difference_compares_the_shape_with_the_example() {
        let example = json!({"id": "p1", "items": [{"n": 1}], "more": {}});
        for (found, fault) in [
            (json!({"id": "p2", "items": [{"n": 7, "m": 1}], "more": {"a": 1}, "b": 2}), None),
            (json!({"id": "p2", "items": [], "more": {}}), None),
            (json!({"items": [], "more": {}}), Some("/id is missing")),
            (json!({"id": 2, "items": [], "more": {}}), Some("/id is 2")),
            (json!({"id": "", "items": [{"n": "1"}], "more": {}}), Some("/items/0/n is \"1\"")),
            (json!([]), Some(" is []")),
        ] {
            let found = difference(&example, &found, "");
            match (found, fault) {
                (None, None) => {}
                (Some(found), Some(fault)) => assert!(found.starts_with(fault), "{found}"),
                other => panic!("{other:?}"),
            }
        }
    }
}
