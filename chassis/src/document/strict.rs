//! JSON without repeated members. `serde_json` uses the last of two members with one name, so a second `security`
//! would silently replace the first.
//!
//! A whole number has one form. For JSON Schema, `3.0` and `3e0` are integers, but serde reads only `3` as one.

use super::reader::Fault;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::cell::RefCell;
use std::fmt;

/// Every whole number up to this one is exact as a floating-point number.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Parses a text.
pub(super) fn parse(text: &str) -> Result<Value, Vec<Fault>> {
    let parsed = read(serde_json::Deserializer::from_str(text));
    let (value, repeated) = parsed.map_err(|error| {
        vec![Fault { at: String::new(), rule: format!("is not valid JSON: {error}") }]
    })?;
    if repeated.is_empty() {
        return Ok(value);
    }
    Err(repeated.into_iter().map(|at| Fault { at, rule: "is given twice".into() }).collect())
}

/// Parses the bytes of a request. Also returns a JSON pointer to each repeated member.
#[cfg(feature = "validation")]
pub(crate) fn value(bytes: &[u8]) -> Result<(Value, Vec<String>), serde_json::Error> {
    read(serde_json::Deserializer::from_slice(bytes))
}

fn read<'de, R: serde_json::de::Read<'de>>(
    mut deserializer: serde_json::Deserializer<R>,
) -> Result<(Value, Vec<String>), serde_json::Error> {
    let repeated = RefCell::default();
    let value = Strict { at: &Place::Root, repeated: &repeated }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok((value, repeated.into_inner()))
}

/// The name of a member in a JSON pointer (RFC 6901).
pub(crate) fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// The place of a value.
enum Place<'a> {
    Root,
    Member(&'a Place<'a>, &'a str),
    Item(&'a Place<'a>, usize),
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Member(parent, name) => write!(f, "{parent}/{}", escaped(name)),
            Self::Item(parent, at) => write!(f, "{parent}/{at}"),
        }
    }
}

struct Strict<'a> {
    at: &'a Place<'a>,
    /// Pointers to the repeated members so far.
    repeated: &'a RefCell<Vec<String>>,
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    #[expect(clippy::cast_possible_truncation, reason = "the number is whole and small enough")]
    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        if value.fract() == 0.0 && value.abs() <= EXACT {
            return Ok((value as i64).into());
        }
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        loop {
            let at = Place::Item(self.at, values.len());
            let item = Strict { at: &at, repeated: self.repeated };
            let Some(value) = sequence.next_element_seed(item)? else {
                return Ok(values.into());
            };
            values.push(value);
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            let at = Place::Member(self.at, &name);
            let value = map.next_value_seed(Strict { at: &at, repeated: self.repeated })?;
            if members.contains_key(&name) {
                self.repeated.borrow_mut().push(at.to_string());
            }
            members.insert(name, value);
        }
        Ok(members.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_number_has_one_form() {
        let texts = [
            ("[3.0, 30e-1, 3]", "[3,3,3]"),
            ("[1e2, -0.0, -0, -2.0]", "[100,0,0,-2]"),
            ("[9007199254740992.0, 9007199254740993]", "[9007199254740992,9007199254740993]"),
            ("[0.1, 1.5, 1e300, 18446744073709551616]", "[0.1,1.5,1e+300,1.8446744073709552e+19]"),
        ];
        for (text, expected) in texts {
            let (value, _) = read(serde_json::Deserializer::from_str(text)).unwrap();
            assert_eq!(value.to_string(), expected);
        }
        read(serde_json::Deserializer::from_str("1e400")).unwrap_err();
    }
}
