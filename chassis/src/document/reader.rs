//! Reads JSON values with their place, and collects every fault instead of stopping at the first.

use super::strict::escaped;
use serde_json::{Map, Value};
use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

/// A broken rule and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// A JSON pointer (RFC 6901) into the document. Empty for the whole document.
    pub at: String,
    /// The error and the expected value.
    pub rule: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", if self.at.is_empty() { "/" } else { &self.at }, self.rule)
    }
}

/// All faults so far.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Fault>);

impl Faults {
    pub(super) fn add(&mut self, at: &str, rule: impl Into<String>) {
        self.0.push(Fault { at: at.into(), rule: rule.into() });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Faults> for Vec<Fault> {
    fn from(faults: Faults) -> Self {
        faults.0
    }
}

/// Reserved words in a `map` of nginx. Names of operations and limits are keys of such maps.
pub(super) const NGINX_WORDS: [&str; 4] = ["default", "hostnames", "include", "volatile"];

/// A value and its place.
#[derive(Debug, Clone)]
pub(super) struct Node<'a> {
    pub(super) value: &'a Value,
    pub(super) at: String,
}

impl<'a> Node<'a> {
    pub(super) fn root(value: &'a Value) -> Self {
        Self { value, at: String::new() }
    }

    /// The place of a member, present or absent.
    pub(super) fn at_member(&self, name: &str) -> String {
        format!("{}/{}", self.at, escaped(name))
    }

    /// A member of an object.
    pub(super) fn member(&self, name: &str) -> Option<Self> {
        let value = self.value.as_object()?.get(name)?;
        Some(Self { value, at: self.at_member(name) })
    }

    /// All members of an object, in their order. Empty for any other value.
    pub(super) fn members(&self) -> impl Iterator<Item = (&'a str, Self)> + '_ {
        let object: Option<&'a Map<String, Value>> = self.value.as_object();
        object
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.as_str(), Self { value, at: self.at_member(name) }))
    }

    /// Reports a value that is no object, and every member that is not in `known`.
    pub(super) fn known_members(&self, known: &[&str], faults: &mut Faults) {
        if !self.value.is_object() {
            faults.add(&self.at, "must be an object");
        }
        for (name, member) in self.members() {
            if !known.contains(&name) {
                faults.add(&member.at, format!("is not known here; expected {}", known.join(", ")));
            }
        }
    }

    /// A text.
    pub(super) fn text(&self, faults: &mut Faults) -> Option<&'a str> {
        let text = self.value.as_str();
        if text.is_none() {
            faults.add(&self.at, "must be a string");
        }
        text
    }

    /// A whole number in a range.
    pub(super) fn whole(&self, range: RangeInclusive<u64>, faults: &mut Faults) -> Option<u64> {
        let number = self.value.as_u64().filter(|number| range.contains(number));
        if number.is_none() {
            let (least, most) = range.into_inner();
            faults.add(&self.at, format!("must be a whole number from {least} to {most}"));
        }
        number
    }

    /// A percentage above 0 and below 100.
    pub(super) fn percentage(&self, faults: &mut Faults) -> Option<f64> {
        let number = self.value.as_f64().filter(|number| *number > 0.0 && *number < 100.0);
        if number.is_none() {
            faults.add(&self.at, "must be a number above 0 and below 100");
        }
        number
    }

    /// A duration such as `"800ms"`, at least 1 ms and shorter than `below`.
    pub(super) fn duration(&self, below: Duration, faults: &mut Faults) -> Option<Duration> {
        let duration = self
            .value
            .as_str()
            .and_then(|text| humantime::parse_duration(text).ok())
            .filter(|duration| *duration >= Duration::from_millis(1) && *duration < below);
        if duration.is_none() {
            let below = humantime::format_duration(below);
            faults.add(
                &self.at,
                format!(
                    "must be a duration with its unit, such as \"800ms\", from 1ms to below {below}"
                ),
            );
        }
        duration
    }
}
