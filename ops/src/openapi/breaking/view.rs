//! A schema with everything that holds at the same place: its references, its `allOf`, the alternative taken.
//!
//! A value that fits has to fit every part. So a property of a view is a view as well, made of what each part says
//! of it, and the comparison never has to know how a schema was put together. A view holds each place of a
//! document at most once: there are finitely many views of a document, recursive schemas included.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::openapi::place::Place;

/// Keywords of which one schema has to fit. `oneOf` is read as `anyOf`.
const ALTERNATIVES: [&str; 2] = ["anyOf", "oneOf"];
/// More alternatives of one schema, in all their combinations, are not compared.
const MOST_CASES: usize = 256;

/// A set of JSON types. One with `number` has `integer` as well: in JSON Schema an integer is a number.
pub(super) type Types = BTreeSet<&'static str>;

/// A schema as the conjunction of its parts. Without a part it accepts everything.
#[derive(Debug, Clone, Default)]
pub(super) struct View<'a> {
    /// Each an object or a boolean.
    pub(super) parts: Vec<Place<'a>>,
    /// Pointers of the parts, and of the `anyOf` and `oneOf` whose alternative is among them.
    pub(super) key: BTreeSet<String>,
}

impl<'a> View<'a> {
    pub(super) fn new(places: impl IntoIterator<Item = Place<'a>>) -> Self {
        let mut view = Self::default();
        places.into_iter().for_each(|place| view.add(&place));
        view
    }

    fn add(&mut self, place: &Place<'a>) {
        if self.key.insert(place.at.clone()) {
            self.parts.push(place.clone());
            place.target().iter().for_each(|target| self.add(target));
            let all = place.member("allOf");
            all.iter().flat_map(Place::items).for_each(|part| self.add(&part));
        }
    }

    /// Every value of a keyword, with its place.
    pub(super) fn all(&self, keyword: &str) -> Vec<Place<'a>> {
        self.parts.iter().filter_map(|part| part.member(keyword)).collect()
    }

    /// The view once for each alternative, in their order; `None` when there are too many.
    pub(super) fn cases(self) -> Option<Vec<Self>> {
        let (mut done, mut open) = (Vec::new(), vec![self]);
        while let Some(view) = open.pop() {
            let mut choices = ALTERNATIVES.iter().flat_map(|keyword| view.all(keyword));
            match choices.find(|choice| !view.key.contains(&choice.at)) {
                None => done.push(view),
                Some(choice) => open.extend(choice.items().into_iter().rev().map(|alternative| {
                    let mut case = view.clone();
                    case.key.insert(choice.at.clone());
                    case.add(&alternative);
                    case
                })),
            }
            if done.len() + open.len() > MOST_CASES {
                return None;
            }
        }
        Some(done)
    }

    /// The part that no value fits.
    pub(super) fn never(&self) -> Option<&Place<'a>> {
        self.parts.iter().find(|part| *part.value == false)
    }

    /// The values that `enum` and `const` leave; `None` without one.
    pub(super) fn values(&self) -> Option<Vec<&'a Value>> {
        let lists = self.parts.iter().filter_map(|part| Some(values_of(part)?.1));
        lists.reduce(|left, right| left.into_iter().filter(|v| right.contains(v)).collect())
    }

    /// The types that a value can have.
    pub(super) fn types(&self) -> Types {
        let of_values = self.values().map_or_else(any_type, |values| {
            values.iter().flat_map(|value| types_named(type_of(value))).collect()
        });
        let keywords = self.all("type").into_iter().map(|place| types_of(place.value));
        keywords.fold(of_values, |left, right| &left & &right)
    }

    /// Whether a property is in `required`.
    pub(super) fn requires(&self, name: &str) -> bool {
        self.all("required").iter().flat_map(Place::items).any(|item| *item.value == *name)
    }

    /// The names of the properties that a part declares.
    pub(super) fn declared(&self) -> BTreeSet<&'a str> {
        self.all("properties").iter().flat_map(Place::members).map(|(name, _)| name).collect()
    }

    /// Where a property is declared.
    pub(super) fn declaration(&self, name: &str) -> Option<Place<'a>> {
        self.all("properties").iter().find_map(|list| list.member(name))
    }

    /// What the parts say of a property: each by `properties`, or else by `additionalProperties`.
    pub(super) fn property(&self, name: &str) -> Self {
        let own = |part: &Place<'a>| part.member("properties")?.member(name);
        self.below(own, "additionalProperties")
    }

    /// What the parts say of a property that none of them declares.
    pub(super) fn undeclared(&self) -> Self {
        Self::new(self.all("additionalProperties"))
    }

    /// What the parts say of the item at an index: each by `prefixItems`, or else by `items`.
    pub(super) fn item(&self, index: usize) -> Self {
        let own = |part: &Place<'a>| part.member("prefixItems")?.items().into_iter().nth(index);
        self.below(own, "items")
    }

    fn below(&self, own: impl Fn(&Place<'a>) -> Option<Place<'a>>, others: &str) -> Self {
        let found = |part| own(part).or_else(|| part.member(others));
        Self::new(self.parts.iter().filter_map(found))
    }

    /// The length of the longest `prefixItems`.
    pub(super) fn prefix(&self) -> usize {
        self.all("prefixItems").iter().map(|list| list.items().len()).max().unwrap_or(0)
    }
}

/// `const` or `enum` of a part, and the values that it leaves.
pub(super) fn values_of<'a>(part: &Place<'a>) -> Option<(Place<'a>, Vec<&'a Value>)> {
    let place = part.member("const");
    if let Some(place) = place {
        return Some((place.clone(), vec![place.value]));
    }
    let place = part.member("enum")?;
    let values = place.value.as_array()?.iter().collect();
    Some((place, values))
}

/// The types that the keyword `type` allows.
pub(super) fn types_of(keyword: &Value) -> Types {
    let names = keyword.as_array().map_or(std::slice::from_ref(keyword), Vec::as_slice);
    names.iter().filter_map(Value::as_str).flat_map(types_named).collect()
}

pub(super) fn any_type() -> Types {
    Types::from(["null", "boolean", "object", "array", "string", "integer", "number"])
}

fn types_named(name: &str) -> Types {
    let mut types = any_type();
    types.retain(|known| *known == name || (*known == "integer" && name == "number"));
    types
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// The names of types, without what another one includes.
pub(super) fn names(mut types: Types) -> String {
    if types.contains("number") {
        types.remove("integer");
    }
    if types.is_empty() { "none".to_owned() } else { Vec::from_iter(types).join(" or ") }
}
