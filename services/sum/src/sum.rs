//! `POST /sum` without HTTP: turns the bytes of a body into the exact sum or a typed error.
//!
//! `serde_json` reads the body once and keeps each member as its text ([`RawValue`]). No number passes through a
//! float. The error is [`SumError::Syntax`] if the bytes are not JSON, and contains the member otherwise. A syntax
//! error takes precedence over a wrong member before it, so the body is always read to its end.
//!
//! A body with several faults gets one error, in this order:
//!
//! 1. a member that is unknown or given twice, whichever is first in the body,
//! 2. a missing member,
//! 3. a member that is not a number,
//! 4. a member that is out of range.
//!
//! `a` comes before `b`.

use crate::decimal::{Decimal, OutOfRange};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;
use thiserror::Error;

/// Longest part of an unknown member's name in a response, in characters.
const NAME_SHOWN: usize = 32;

/// One of the two members of the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Member {
    /// `a`
    A,
    /// `b`
    B,
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::A => "a",
            Self::B => "b",
        })
    }
}

/// Why a body has no sum. The message is the complete text for the caller.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SumError {
    /// Not JSON: the message and place from `serde_json`.
    #[error("The body is not JSON: {0}.")]
    Syntax(String),
    /// JSON, but an array, a string, a number or a literal.
    #[error("The body must be an object with the two numbers `a` and `b`.")]
    NotAnObject,
    /// `a` or `b` is missing.
    #[error("The member `{0}` is missing.")]
    Missing(Member),
    /// A member other than `a` and `b`. Its name is shortened and escaped.
    #[error("The member `{0}` is not known; `a` and `b` are.")]
    Unknown(String),
    /// `a` or `b` is given more than once.
    #[error("The member `{0}` is given more than once.")]
    Duplicate(Member),
    /// A string, `null`, an array …
    #[error("The member `{0}` must be a number.")]
    NotANumber(Member),
    /// Too long to write out.
    #[error("The member `{0}` {1}.")]
    OutOfRange(Member, OutOfRange),
}

/// Reads `{"a":…,"b":…}` and adds the two numbers.
pub fn sum(body: &[u8]) -> Result<Decimal, SumError> {
    // Checks the whole body, because serde_json accepts invalid UTF-8 inside the values that it skips.
    let text = std::str::from_utf8(body).map_err(|error| {
        SumError::Syntax(format!("invalid UTF-8 at byte {}", error.valid_up_to() + 1))
    })?;
    sum_of_text(text).map_err(|error| match lone_surrogate(text) {
        // serde_json checks the strings that it keeps. A valid body has only the names of its members. Skipped strings
        // are only in invalid bodies, so this check does not slow down a valid one.
        Some(at) if !matches!(error, SumError::Syntax(_)) => {
            SumError::Syntax(format!("lone surrogate at byte {}", at + 1))
        }
        _ => error,
    })
}

/// The place of an escape for half of a surrogate pair without the other half, which is not valid Unicode. In JSON a
/// backslash is only inside strings, so this does not search for strings.
fn lone_surrogate(json: &str) -> Option<usize> {
    let unit = |at: usize| {
        let digits = json.get(at..)?.strip_prefix("\\u")?.get(..4)?;
        u16::from_str_radix(digits, 16).ok()
    };
    let mut at = 0;
    while let Some(found) = json[at..].find('\\') {
        at += found;
        at += match (unit(at), unit(at + 6)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 12,
            (Some(0xd800..=0xdfff), _) => return Some(at),
            // The backslash and the escaped character. Hexadecimal digits can follow, but no other backslash.
            _ => 1 + json[at + 1..].chars().next().map_or(0, char::len_utf8),
        };
    }
    None
}

fn sum_of_text(text: &str) -> Result<Decimal, SumError> {
    if !text.trim_start_matches([' ', '\t', '\n', '\r']).starts_with('{') {
        return match serde_json::from_str::<IgnoredAny>(text) {
            Ok(_) => Err(SumError::NotAnObject),
            Err(error) => Err(syntax(&error)),
        };
    }
    let members: Members<'_> = serde_json::from_str(text).map_err(|error| syntax(&error))?;
    if let Some(fault) = members.fault {
        return Err(fault);
    }
    let a = members.a.ok_or(SumError::Missing(Member::A))?;
    let b = members.b.ok_or(SumError::Missing(Member::B))?;
    let a = number_token(a, Member::A)?;
    let b = number_token(b, Member::B)?;
    let a = Decimal::from_json_number(a).map_err(|error| SumError::OutOfRange(Member::A, error))?;
    let b = Decimal::from_json_number(b).map_err(|error| SumError::OutOfRange(Member::B, error))?;
    Ok(a + b)
}

fn syntax(error: &serde_json::Error) -> SumError {
    SumError::Syntax(error.to_string())
}

fn number_token(value: &RawValue, member: Member) -> Result<&str, SumError> {
    let token = value.get();
    match token.as_bytes().first() {
        Some(b'-' | b'0'..=b'9') => Ok(token),
        _ => Err(SumError::NotANumber(member)),
    }
}

/// The members of the body. The first fault is stored and returned at the end, because the rest can be invalid
/// JSON.
#[derive(Default)]
struct Members<'a> {
    a: Option<&'a RawValue>,
    b: Option<&'a RawValue>,
    fault: Option<SumError>,
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut members = Members::default();
        while let Some(name) = map.next_key::<Name>()? {
            let value: &RawValue = map.next_value()?;
            let fault = match name {
                Name::Known(member) => {
                    let slot = match member {
                        Member::A => &mut members.a,
                        Member::B => &mut members.b,
                    };
                    slot.replace(value).map(|_| SumError::Duplicate(member))
                }
                Name::Unknown(name) => Some(SumError::Unknown(name)),
            };
            members.fault = members.fault.or(fault);
        }
        Ok(members)
    }
}

/// A member's name without JSON's escapes: `"\u0061"` is `a`.
enum Name {
    Known(Member),
    Unknown(String),
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameVisitor;
        impl Visitor<'_> for NameVisitor {
            type Value = Name;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a member name")
            }

            fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Name, E> {
                Ok(match name {
                    "a" => Name::Known(Member::A),
                    "b" => Name::Known(Member::B),
                    other => Name::Unknown(shown(other)),
                })
            }
        }
        deserializer.deserialize_str(NameVisitor)
    }
}

/// A caller's text, made safe for a response: shortened, and only visible ASCII.
fn shown(name: &str) -> String {
    let mut text: String = name.chars().take(NAME_SHOWN).flat_map(char::escape_default).collect();
    if name.chars().nth(NAME_SHOWN).is_some() {
        text.push_str("...");
    }
    text
}
