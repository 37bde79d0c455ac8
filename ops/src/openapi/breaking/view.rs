//! A schema with everything that holds at the same place: its references, its `allOf`, the alternative taken.
//!
//! A value that fits has to fit every part. So a property of a view is a view as well, made of what each part says
//! of it, and the comparison never has to know how a schema was put together. A view holds each place of a
//! document at most once: there are finitely many views of a document, recursive schemas included.

use std::collections::BTreeSet;

use serde_json::Value;

use super::types::Types;
use crate::openapi::place::Place;

/// Keywords of which one schema has to fit. `oneOf` is read as `anyOf`.
const ALTERNATIVES: [&str; 2] = ["anyOf", "oneOf"];
/// More alternatives of one schema, in all their combinations, are not compared.
const MOST_CASES: usize = 256;

/// A schema as the conjunction of its parts. Without a part it accepts everything.
#[derive(Debug, Clone, Default)]
pub(super) struct View<'a> {
    parts: Vec<Place<'a>>,
    /// Pointers of the `anyOf` and `oneOf` whose alternative is among the parts.
    taken: BTreeSet<String>,
}

impl<'a> View<'a> {
    pub(super) fn new(places: impl IntoIterator<Item = Place<'a>>) -> Self {
        let mut view = Self::default();
        for place in places {
            view.add(&place);
        }
        view
    }

    fn add(&mut self, place: &Place<'a>) {
        if self.parts.iter().any(|part| part.at == place.at) {
            return;
        }
        self.parts.push(place.clone());
        if let Some(target) = place.target() {
            self.add(&target);
        }
        for part in place.member("allOf").iter().flat_map(Place::items) {
            self.add(&part);
        }
    }

    /// The parts, each an object or a boolean.
    pub(super) fn parts(&self) -> &[Place<'a>] {
        &self.parts
    }

    /// What makes this view different from others of the document.
    pub(super) fn key(&self) -> BTreeSet<String> {
        let parts = self.parts.iter().map(|part| part.at.clone());
        parts.chain(self.taken.iter().cloned()).collect()
    }

    /// Every value of a keyword, with its place.
    pub(super) fn all(&self, keyword: &str) -> Vec<Place<'a>> {
        self.parts.iter().filter_map(|part| part.member(keyword)).collect()
    }

    /// `anyOf` and `oneOf` whose alternatives are not taken.
    pub(super) fn alternatives(&self) -> Vec<Place<'a>> {
        let found = self.parts.iter().flat_map(|part| ALTERNATIVES.map(|word| part.member(word)));
        found.flatten().filter(|place| !self.taken.contains(&place.at)).collect()
    }

    /// The view once for each alternative, in their order; `None` when there are too many.
    pub(super) fn cases(self) -> Option<Vec<Self>> {
        let mut done = Vec::new();
        let mut open = vec![self];
        while let Some(view) = open.pop() {
            match view.alternatives().first() {
                None => done.push(view),
                Some(choice) => {
                    let choices: Vec<_> = choice.items().collect();
                    open.extend(choices.iter().rev().map(|alternative| {
                        let mut case = view.clone();
                        case.taken.insert(choice.at.clone());
                        case.add(alternative);
                        case
                    }));
                }
            }
            if done.len() + open.len() > MOST_CASES {
                return None;
            }
        }
        Some(done)
    }

    /// Whether no value fits, because a part is `false`.
    pub(super) fn is_never(&self) -> bool {
        self.parts.iter().any(|part| *part.value == Value::Bool(false))
    }

    /// The values that `enum` and `const` leave; `None` without one.
    pub(super) fn values(&self) -> Option<Vec<&'a Value>> {
        self.parts.iter().filter_map(values_of).reduce(|mut left, right| {
            left.retain(|value| right.contains(value));
            left
        })
    }

    /// The types that a value can have.
    pub(super) fn types(&self) -> Types {
        let values = self.values().map_or(Types::ALL, |values| {
            values.iter().map(|value| Types::of_value(value)).fold(Types::NONE, |a, b| a | b)
        });
        let keywords = self.all("type");
        keywords.iter().map(|place| Types::of_keyword(place.value)).fold(values, |a, b| a & b)
    }

    /// The names in `required`.
    pub(super) fn requires(&self, name: &str) -> bool {
        self.all("required").iter().flat_map(Place::items).any(|item| *item.value == *name)
    }

    /// The names of the properties that a part declares.
    pub(super) fn declared(&self) -> BTreeSet<&'a str> {
        let lists = self.all("properties");
        lists.iter().flat_map(Place::members).map(|(name, _)| name).collect()
    }

    /// Where a property is declared.
    pub(super) fn declaration(&self, name: &str) -> Option<Place<'a>> {
        self.all("properties").iter().find_map(|list| list.member(name))
    }

    /// What the parts say of a property: each by `properties`, or else by `additionalProperties`.
    pub(super) fn property(&self, name: &str) -> Self {
        Self::new(self.parts.iter().filter_map(|part| {
            let own = part.member("properties").and_then(|list| list.member(name));
            own.or_else(|| part.member("additionalProperties"))
        }))
    }

    /// What the parts say of a property that none of them declares.
    pub(super) fn undeclared(&self) -> Self {
        Self::new(self.all("additionalProperties"))
    }

    /// What the parts say of the item at an index: each by `prefixItems`, or else by `items`.
    pub(super) fn item(&self, index: usize) -> Self {
        Self::new(self.parts.iter().filter_map(|part| {
            let own = part.member("prefixItems").and_then(|list| list.items().nth(index));
            own.or_else(|| part.member("items"))
        }))
    }

    /// The length of the longest `prefixItems`.
    pub(super) fn prefix(&self) -> usize {
        self.all("prefixItems").iter().map(|list| list.items().count()).max().unwrap_or(0)
    }
}

/// The values that `enum` and `const` of one part leave.
pub(super) fn values_of<'a>(part: &Place<'a>) -> Option<Vec<&'a Value>> {
    let of = |keyword: &str| part.value.get(keyword);
    match (of("enum").and_then(Value::as_array), of("const")) {
        (_, Some(value)) => Some(vec![value]),
        (Some(values), None) => Some(values.iter().collect()),
        (None, None) => None,
    }
}
