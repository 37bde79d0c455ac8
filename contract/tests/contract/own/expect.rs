//! The expected response of a row.

use contract::http::Response;
use contract::values::Values;
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Expect {
    /// `null`: the connection is closed without an answer.
    pub(super) status: Option<u16>,
    r#type: Option<String>,
    /// A part of the problem's detail.
    detail: Option<String>,
    /// The places of all errors of the problem.
    errors: Option<Places>,
    body: Option<String>,
    /// Values of the JSON body, by their JSON pointers.
    #[serde(default)]
    members: Members,
    #[serde(default)]
    has: BTreeMap<String, String>,
    #[serde(default)]
    lacks: Vec<String>,
    /// Whether the server closes the connection afterwards.
    pub(super) closes: Option<bool>,
    /// Whether the sidecar generates the request id.
    #[serde(default)]
    fresh_id: bool,
}

impl Expect {
    /// The differences from the response.
    pub(super) fn differences(&self, answer: &Response, values: &Values) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut expect = |what: &str, found: Option<String>, wanted: Option<String>| {
            if found != wanted {
                wrong.push(format!("{what} is {found:?} instead of {wanted:?}"));
            }
        };
        let status = self.status.map(|status| status.to_string());
        expect("status", Some(answer.status.to_string()), status);
        let first = |name: &str| answer.all(name).first().map(ToString::to_string);
        for (name, value) in &self.has {
            expect(name, first(name), Some(values.fill(value)));
        }
        for name in &self.lacks {
            expect(name, first(name), None);
        }
        if let Some(body) = &self.body {
            expect("body", Some(answer.text()), Some(values.fill(body)));
        }
        let problem: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        if let Some(r#type) = &self.r#type {
            expect("type", problem["type"].as_str().map(str::to_owned), Some(r#type.clone()));
        }
        if let Some(detail) = &self.detail
            && !problem["detail"].as_str().is_some_and(|text| text.contains(detail))
        {
            wrong.push(format!("detail is {} and does not contain {detail:?}", problem["detail"]));
        }
        if let Some(errors) = &self.errors {
            wrong.extend(errors.differences(answer));
        }
        wrong.extend(self.members.differences(answer, values));
        let id = answer.request_id();
        if self.fresh_id && !(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit())) {
            wrong.push(format!("the id {id} is not fresh"));
        }
        wrong
    }
}

/// Places of a request: JSON pointers for members, and `?NAME` for parameters of the query.
#[derive(Debug, Deserialize)]
pub(super) struct Places(BTreeSet<String>);

impl Places {
    /// The differences from the places that `errors` of a problem names. Two errors can have one place.
    pub(super) fn differences(&self, answer: &Response) -> Option<String> {
        let problem: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let place = |error: &Value| match error["parameter"].as_str() {
            Some(parameter) => format!("?{parameter}"),
            None => error["pointer"].as_str().unwrap_or("no place").to_owned(),
        };
        let found: BTreeSet<String> =
            problem["errors"].as_array().into_iter().flatten().map(place).collect();
        (found != self.0).then(|| format!("errors are at {found:?} instead of {:?}", self.0))
    }
}

/// Values of a JSON body, by their JSON pointers.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Members(BTreeMap<String, Value>);

impl Members {
    /// The differences from a response. Texts can contain values in braces.
    pub(super) fn differences(&self, answer: &Response, values: &Values) -> Vec<String> {
        if self.0.is_empty() {
            return Vec::new();
        }
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let wrong = self.0.iter().filter_map(|(pointer, wanted)| {
            let wanted = match wanted {
                Value::String(text) => values.fill(text).into(),
                other => other.clone(),
            };
            let found = body.pointer(pointer);
            (found != Some(&wanted)).then(|| format!("{pointer} is {found:?} instead of {wanted}"))
        });
        wrong.collect()
    }
}
