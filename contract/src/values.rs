//! Values for the placeholders `{…}` in tables and path templates.
//!
//! `contract/setup.json` of a service lists requests in order. Each request names an operation, and the suite sends its
//! valid case. JSON pointers (RFC 6901) select the values from the JSON response. This way a test gets its token and
//! its id like a caller. The fresh values of `cases.json` are also values of the caller. An entry can also be a command of
//! the service's program, for rights that no request gives.

use crate::call::Call;
use crate::http::{Request, Response};
use crate::service::Service;
use crate::stack::{CLIENTS, client_key};
use crate::wait;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::Duration;

/// The values of one caller.
#[derive(Debug, Clone)]
pub struct Values {
    /// A valid key.
    pub key: String,
    named: BTreeMap<String, String>,
    invented: bool,
}

#[derive(Debug, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Step {
    Request {
        /// An `operationId`.
        request: String,
        /// The example of its body, by name; the first one without it.
        example: Option<String>,
        /// Path parameters that take the value of another name.
        #[serde(default)]
        parameters: BTreeMap<String, String>,
        /// The request is repeated until this member of the response is `true`.
        until: Option<String>,
        /// The name of each value and where it is in the response.
        #[serde(default)]
        fills: BTreeMap<String, String>,
    },
    Command {
        /// The arguments of the service's program.
        command: Vec<String>,
    },
}

impl Values {
    /// The values from the requests of `setup.json` and from their responses.
    pub fn from_setup(
        service: &Service,
        key: &str,
        ask: impl Fn(Request) -> Response,
        run: impl Fn(&[String]),
    ) -> Self {
        let mut values = Self::without_setup(key);
        for step in service.table::<Vec<Step>>("setup").unwrap_or_default() {
            let (request, example, parameters, until, fills) = match step {
                Step::Request { request, example, parameters, until, fills } => {
                    (request, example, parameters, until, fills)
                }
                Step::Command { command } => {
                    run(&command.iter().map(|word| values.fill(word)).collect::<Vec<_>>());
                    continue;
                }
            };
            let operation = service.operation(&request);
            let example = example.as_deref();
            let call = Call::of_setup(service, operation, &values, example, &parameters);
            let ask_once = || ask(call.request()).expect_status(call.status);
            let response = match &until {
                None => ask_once(),
                Some(at) => wait::poll(wait::PATIENCE, || {
                    // Not faster, because requests count against limits.
                    sleep(Duration::from_millis(200));
                    Some(ask_once())
                        .filter(|response| response.json().pointer(at) == Some(&true.into()))
                })
                .unwrap_or_else(|| panic!("{request}: {at} does not become true")),
            };
            let sent = call.body.as_deref().unwrap_or("null");
            let sent = serde_json::from_str(sent).expect("a JSON example");
            values.add(&request, &service.case(operation).fresh, &sent);
            if !fills.is_empty() {
                values.add(&request, &fills, &response.json());
            }
        }
        values
    }

    /// The values of a caller that needs no setup.
    #[must_use]
    pub fn without_setup(key: &str) -> Self {
        Self { key: key.into(), named: BTreeMap::new(), invented: false }
    }

    /// Values with a valid form, for a sidecar without its service.
    #[must_use]
    pub fn invented(key: &str) -> Self {
        let named =
            [("token", "abc.DEF-123_~+/==")].map(|(name, value)| (name.into(), value.into()));
        Self { key: key.into(), named: named.into(), invented: true }
    }

    /// Adds the texts at these pointers of a response. `request` is shown if one is missing.
    pub fn add(&mut self, request: &str, pointers: &BTreeMap<String, String>, json: &Value) {
        for (name, pointer) in pointers {
            let value = json.pointer(pointer).and_then(Value::as_str);
            let value =
                value.unwrap_or_else(|| panic!("{request}: no text at {pointer} in {json}"));
            self.named.insert(name.clone(), value.into());
        }
    }

    /// The value of a name, if any.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.named.get(name).map(String::as_str)
    }

    /// The value of a name. `None` only for invented values.
    pub(crate) fn required(&self, name: &str, service: &Service) -> Option<&str> {
        let value = self.get(name);
        let known = self.invented || value.is_some();
        assert!(known, "setup.json of {} fills no {{{name}}}", service.folder());
        value
    }

    /// Also has the values of an earlier caller, unless they have the same name.
    #[must_use]
    pub fn or(mut self, earlier: Self) -> Self {
        for (name, value) in earlier.named {
            self.named.entry(name).or_insert(value);
        }
        self
    }

    /// Replaces each value by its name in braces.
    #[must_use]
    pub fn hide(&self, text: &str) -> String {
        let mut values: Vec<_> = self.named.iter().collect();
        // A value can contain another one.
        values.sort_by_key(|(_, value)| std::cmp::Reverse(value.len()));
        let replace = |text: String, (name, value): (&String, &String)| {
            text.replace(value.as_str(), &format!("{{{name}}}"))
        };
        values.into_iter().fold(text.to_owned(), replace)
    }

    /// Fills in all values, also in upper case (`{id-upper}`), `{key}` and its variants, and `{N of TEXT}`, which repeats the text N times.
    #[must_use]
    pub fn fill(&self, text: &str) -> String {
        let key = self.key.as_str();
        let mut text = repeated(text)
            .replace("{key}", key)
            .replace("{key-lower}", &key.to_lowercase())
            .replace("{key-upper}", &key.to_uppercase())
            .replace("{key-swap}", &swap_case(key))
            .replace("{key-cut}", key.get(..key.len().saturating_sub(1)).unwrap_or_default());
        if text.contains("{key-") {
            for number in 1..=CLIENTS {
                text = text.replace(&format!("{{key-{number}}}"), &client_key(number));
            }
        }
        for (name, value) in &self.named {
            text = text.replace(&format!("{{{name}}}"), value);
            text = text.replace(&format!("{{{name}-upper}}"), &value.to_uppercase());
        }
        text
    }
}

fn swap_case(key: &str) -> String {
    let swap = |letter: char| {
        if letter.is_lowercase() {
            letter.to_ascii_uppercase()
        } else {
            letter.to_ascii_lowercase()
        }
    };
    key.chars().map(swap).collect()
}

/// Replaces `{N of TEXT}`. The text has at least one character and ends before the next `}` after that.
fn repeated(text: &str) -> String {
    let start = text.find('{').unwrap_or(text.len());
    let mut done = text[..start].to_owned();
    let mut rest = &text[start..];
    while let Some(after) = rest.strip_prefix('{') {
        let found = repetition(after);
        let (piece, left) = found.unwrap_or_else(|| ("{".into(), after));
        done.push_str(&piece);
        let next = left.find('{').unwrap_or(left.len());
        done.push_str(&left[..next]);
        rest = &left[next..];
    }
    done
}

/// Reads `N of TEXT}`. Returns the repeated text and the rest.
fn repetition(text: &str) -> Option<(String, &str)> {
    let (count, rest) = text.split_once(" of ")?;
    let count = count.parse().ok()?;
    let first = rest.chars().next()?.len_utf8();
    let end = first + rest[first..].find('}')?;
    Some((rest[..end].repeat(count), &rest[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repetition_is_filled_and_other_braces_stay() {
        let values = Values::without_setup("k");
        for (text, expected) in [
            ("a{3 of xy}b", "axyxyxyb"),
            ("{2 of {\"a\":}1{2 of }}", "{\"a\":{\"a\":1}}"),
            ("{\"a\":{}}", "{\"a\":{}}"),
            ("{\"a\":\"{2 of é}\"}", "{\"a\":\"éé\"}"),
            ("{1 of x", "{1 of x"),
            ("{x of y}", "{x of y}"),
            ("{0 of x}", ""),
            ("", ""),
        ] {
            assert_eq!(values.fill(text), expected, "{text}");
        }
    }

    #[test]
    fn hide_is_the_reverse_of_fill() {
        let mut values = Values::without_setup("k");
        let json = serde_json::json!({ "long": "abc", "short": "b" });
        let pointers = [("long", "/long"), ("short", "/short")];
        let pointers = pointers.map(|(name, at)| (name.into(), at.into())).into();
        values.add("test", &pointers, &json);
        assert_eq!(values.hide("abc b"), "{long} {short}");
        assert_eq!(values.fill("{long} {short}"), "abc b");
    }
}
