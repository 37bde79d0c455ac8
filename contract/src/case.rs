//! The valid case of an operation that needs more than its example: `contract/cases.json` of its service.

use crate::service::Service;
use crate::values::Values;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// The changes of the example, and the effect of the operation on the values of its caller. The maps contain the name of
/// each value and its place in the request body, a JSON pointer (RFC 6901).
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Case {
    /// Each request has a unique value here. In the setup, later requests can take it.
    pub(crate) fresh: BTreeMap<String, String>,
    /// The setup gives the value.
    pub(crate) takes: BTreeMap<String, String>,
    /// Path parameters that take the value of another name.
    pub(crate) parameters: BTreeMap<String, String>,
    /// Operations that the caller calls first. Only together with `spends`.
    pub(crate) after: Vec<String>,
    /// Another request with the same values can fail, so each use of the operation has a setup of its own.
    pub spends: bool,
}

impl Case {
    /// The example with the values of the case.
    pub(crate) fn body(&self, example: &Value, values: &Values, service: &Service) -> String {
        let mut body = example.clone();
        for pointer in self.fresh.values() {
            let member = member(&mut body, pointer, service);
            *member = unique(member.as_str().unwrap_or_default()).into();
        }
        for (name, pointer) in &self.takes {
            // Only a test without the service has no setup. It sends the example.
            if let Some(value) = values.required(name, service) {
                *member(&mut body, pointer, service) = value.into();
            }
        }
        body.to_string()
    }
}

fn member<'a>(body: &'a mut Value, pointer: &str, service: &Service) -> &'a mut Value {
    let member = body.pointer_mut(pointer).filter(|member| member.is_string());
    member.unwrap_or_else(|| {
        panic!("cases.json of {}: no text at {pointer} in an example", service.folder())
    })
}

/// A text with the form of the example: 12 random characters of a-z and 0-9 follow its first word.
fn unique(example: &str) -> String {
    let end = example.find(|letter: char| !letter.is_ascii_alphanumeric());
    let (word, rest) = example.split_at(end.unwrap_or(example.len()));
    let random: String = (0..12).map(|_| fastrand::alphanumeric().to_ascii_lowercase()).collect();
    format!("{word}{random}{rest}")
}

#[cfg(test)]
mod tests {
    use super::unique;

    #[test]
    fn unique_text_keeps_the_form_of_its_example() {
        for (example, before, after) in
            [("ada", "ada", ""), ("ada@example.com", "ada", "@example.com"), ("", "", "")]
        {
            let (one, other) = (unique(example), unique(example));
            assert!(one.starts_with(before) && one.ends_with(after), "{one}");
            assert_eq!(one.len(), example.len() + 12);
            assert_ne!(one, other);
        }
    }
}
