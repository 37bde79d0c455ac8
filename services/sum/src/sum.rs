//! `POST /sum` without HTTP: the bytes of a body in, the exact sum or a typed refusal out.
//!
//! The body is read once, by `serde_json`, and each member is kept as its own text ([`RawValue`]): no
//! number ever passes through a float. A refusal is [`SumError::Syntax`] when the bytes are not JSON at all,
//! and names the member otherwise. Syntax always wins, even when a wrong member comes first, so the body
//! is read to its end before anything is refused.
//!
//! When a body has several faults, one is named, by a fixed order: a member unknown or given twice (the
//! first, as the body reads), then a missing one, then one that is not a number, then one out of range;
//! `a` before `b`.

use crate::decimal::{Decimal, OutOfRange};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;
use thiserror::Error;

/// How much of an unknown member's name is repeated to the caller, in characters.
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

/// Why a body has no sum. The text is for the caller, and complete.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SumError {
    /// Not JSON: where and what, in the words of `serde_json`.
    #[error("The body is not JSON: {0}.")]
    Syntax(String),
    /// JSON, but an array, a string, a number, a literal.
    #[error("The body must be an object with the two numbers `a` and `b`.")]
    NotAnObject,
    /// `a` or `b` is not there.
    #[error("The member `{0}` is missing.")]
    Missing(Member),
    /// A member other than `a` and `b`; its name is shortened and escaped.
    #[error("The member `{0}` is not known; `a` and `b` are.")]
    Unknown(String),
    /// `a` or `b` is there more than once.
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
    // Once, for the whole body: serde_json would let bad UTF-8 pass inside the values that it skips.
    let text = std::str::from_utf8(body).map_err(|error| {
        SumError::Syntax(format!("invalid UTF-8 at byte {}", error.valid_up_to() + 1))
    })?;
    sum_of_text(text).map_err(|error| match lone_surrogate(text) {
        // serde_json looks at the strings that it keeps, and a sum has none but the names of its members. The
        // strings that it skips are in bodies without a sum only, so a sum does not pay for this.
        Some(at) if !matches!(error, SumError::Syntax(_)) => {
            SumError::Syntax(format!("lone surrogate at byte {}", at + 1))
        }
        _ => error,
    })
}

/// Where JSON text has an escape for half of a surrogate pair without the other half, which is no Unicode text. A
/// backslash stands only inside of strings, so those need not be found first.
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
            // The backslash and what it escapes. Hexadecimal digits may follow, and no other backslash.
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

/// The members as they were found. The first fault is kept and not returned at once: what follows may
/// turn out not to be JSON.
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

/// A member's name after JSON's escapes are undone: `"\u0061"` is `a`.
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

/// A caller's own text, made safe to repeat: bounded, and nothing but visible ASCII.
fn shown(name: &str) -> String {
    let mut text: String = name.chars().take(NAME_SHOWN).flat_map(char::escape_default).collect();
    if name.chars().nth(NAME_SHOWN).is_some() {
        text.push_str("...");
    }
    text
}
