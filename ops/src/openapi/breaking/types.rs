//! Sets of JSON types.

use std::fmt;
use std::ops::{BitAnd, BitOr};

use serde_json::Value;

/// A set of JSON types. A number is an integer or has a fraction, because `integer` is a part of `number`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Types(u8);

const NAMES: [(&str, Types); 7] = [
    ("null", Types::NULL),
    ("boolean", Types::BOOLEAN),
    ("object", Types::OBJECT),
    ("array", Types::ARRAY),
    ("string", Types::STRING),
    ("number", Types::NUMBER),
    ("integer", Types::INTEGER),
];

impl Types {
    const NULL: Self = Self(1);
    const BOOLEAN: Self = Self(2);
    pub(super) const OBJECT: Self = Self(4);
    pub(super) const ARRAY: Self = Self(8);
    pub(super) const STRING: Self = Self(16);
    const INTEGER: Self = Self(32);
    pub(super) const NUMBER: Self = Self(32 | 64);
    pub(super) const ALL: Self = Self(127);
    pub(super) const NONE: Self = Self(0);

    /// The value of the keyword `type`.
    pub(super) fn of_keyword(value: &Value) -> Self {
        let type_of = |name: &Value| {
            let found = NAMES.iter().find(|(known, _)| name.as_str() == Some(known));
            found.map_or(Self::NONE, |(_, types)| *types)
        };
        match value {
            Value::Array(names) => names.iter().map(type_of).fold(Self::NONE, |a, b| a | b),
            name => type_of(name),
        }
    }

    /// The type of a value.
    pub(super) fn of_value(value: &Value) -> Self {
        match value {
            Value::Null => Self::NULL,
            Value::Bool(_) => Self::BOOLEAN,
            Value::Number(number) if number.is_f64() => Self::NUMBER,
            Value::Number(_) => Self::INTEGER,
            Value::String(_) => Self::STRING,
            Value::Array(_) => Self::ARRAY,
            Value::Object(_) => Self::OBJECT,
        }
    }

    /// Whether all of these are among others.
    pub(super) fn are_within(self, others: Self) -> bool {
        self & others == self
    }

    /// Whether some of these are among others.
    pub(super) fn meet(self, others: Self) -> bool {
        self & others != Self::NONE
    }
}

impl BitOr for Types {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitAnd for Types {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl fmt::Display for Types {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let covered = |types: Self| types.are_within(*self);
        // `number` says `integer` as well.
        let names = NAMES.iter().filter(|(name, types)| {
            covered(*types) && !(*name == "integer" && covered(Self::NUMBER))
        });
        let names: Vec<&str> = names.map(|(name, _)| *name).collect();
        f.write_str(if names.is_empty() { "none" } else { "" })?;
        f.write_str(&names.join(" or "))
    }
}
