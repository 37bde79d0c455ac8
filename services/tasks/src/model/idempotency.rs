//! Keys that make a creation safe to repeat.

use super::timestamp::Timestamp;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::time::Duration;

/// The time that a key is remembered.
pub const KEY_LIFETIME: Duration = Duration::from_hours(24);
/// The most keys of a user. The oldest is forgotten first.
pub const KEYS_MAX: u32 = 10_000;

const LONGEST: usize = 128;

/// The value of `Idempotency-Key`: 1 to 128 visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key(String);

/// The SHA-256 hash of a body. Two bodies that are equal as JSON have the same one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyHash(pub [u8; 32]);

/// A key with its body, at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The key.
    pub key: Key,
    /// The hash of the body.
    pub body: BodyHash,
    /// The time of the request.
    pub at: Timestamp,
}

impl Key {
    /// A key of this text, if it has the form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let valid =
            (1..=LONGEST).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_graphic());
        valid.then(|| Self(text.to_owned()))
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl BodyHash {
    /// The hash of a body. Its whole numbers have one form, because the chassis reads `1.0` as `1`.
    #[must_use]
    pub fn of(body: &Value) -> Self {
        let mut text = String::new();
        write(&mut text, body);
        Self(Sha256::digest(text).into())
    }
}

/// Writes JSON with sorted members.
fn write(text: &mut String, value: &Value) {
    match value {
        Value::Object(members) => {
            let mut names: Vec<&String> = members.keys().collect();
            names.sort_unstable();
            text.push('{');
            for name in names {
                write(text, &Value::String(name.clone()));
                text.push(':');
                write(text, &members[name]);
                text.push(',');
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for item in items {
                write(text, item);
                text.push(',');
            }
            text.push(']');
        }
        other => text.push_str(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(text: &str) -> BodyHash {
        BodyHash::of(&serde_json::from_str(text).unwrap())
    }

    #[test]
    fn bodies_are_compared_as_json() {
        for (one, other, equal) in [
            (r#"{"a":1,"b":[2]}"#, r#"{ "b": [2], "a": 1 }"#, true),
            (r#"{"a":"é"}"#, r#"{"a":"\u00e9"}"#, true),
            ("0.10", "1e-1", true),
            ("[1,2]", "[2,1]", false),
            (r#"{"a":1}"#, r#"{"a":"1"}"#, false),
            (r#"{"a":null}"#, "{}", false),
            (r#"["a","b"]"#, r#"["a\",\"b"]"#, false),
            ("9007199254740993", "9007199254740992", false),
            ("0.1", "0.2", false),
        ] {
            assert_eq!(hash(one) == hash(other), equal, "{one} {other}");
        }
    }

    #[test]
    fn key_is_visible_ascii() {
        for (text, valid) in [
            ("a", true),
            ("!~", true),
            (&*"x".repeat(128), true),
            ("", false),
            ("a b", false),
            ("a\t", false),
            ("é", false),
            (&*"x".repeat(129), false),
        ] {
            assert_eq!(Key::parse(text).is_some(), valid, "{text:?}");
        }
    }
}
