//! A schema with all parts that apply at the same place: its references, its `allOf`, and the chosen alternative.
//!
//! A value must fit every part. A property of a view is also a view, with the rules of each part for that property. So
//! the comparison is independent of the structure of a schema. A view contains each place of a document at most once,
//! so the number of views is finite, also for recursive schemas.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::openapi::place::Place;

/// Keywords with alternatives, one of which must fit. `oneOf` is treated as `anyOf`.
const ALTERNATIVES: [&str; 2] = ["anyOf", "oneOf"];
/// The maximum number of combinations of alternatives that are compared for one schema.
const MOST_CASES: usize = 256;

/// A set of JSON types. A set with `number` also has `integer`, because in JSON Schema an integer is a number.
pub(super) type Types = BTreeSet<&'static str>;

/// A schema as the conjunction of its parts. Without parts it accepts every value.
#[derive(Debug, Clone, Default)]
pub(super) struct View<'a> {
    /// Each part is an object or a boolean.
    pub(super) parts: Vec<Place<'a>>,
    /// Pointers of the parts, and of each `anyOf` and `oneOf` with an alternative among the parts.
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

    /// One view for each alternative, in their order. `None` if there are too many.
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

    /// A part that accepts no value.
    pub(super) fn never(&self) -> Option<&Place<'a>> {
        self.parts.iter().find(|part| *part.value == false)
    }

    /// The values that `enum` and `const` allow. `None` without these keywords.
    pub(super) fn values(&self) -> Option<Vec<&'a Value>> {
        let lists = self.parts.iter().filter_map(|part| Some(values_of(part)?.1));
        lists.reduce(|left, right| left.into_iter().filter(|v| right.contains(v)).collect())
    }

    /// Whether no value meets the `if` of a rule: it requires a member to have values that the member cannot have.
    pub(super) fn never_meets(&self, rule: &Place<'a>) -> bool {
        let condition = Self::new(rule.member("if"));
        let own = |name| self.property(name).values();
        let excludes = |name| {
            let wanted = condition.property(name).values();
            own(name)
                .zip(wanted)
                .is_some_and(|(own, wanted)| !own.iter().any(|v| wanted.contains(v)))
        };
        // A value that is not an object has no members, and meets the condition.
        let is_object = self.types().iter().all(|name| *name == "object");
        let mut required = condition.declared().into_iter().filter(|name| condition.requires(name));
        is_object && required.any(excludes)
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

    /// The first declaration of a property.
    pub(super) fn declaration(&self, name: &str) -> Option<Place<'a>> {
        self.all("properties").iter().find_map(|list| list.member(name))
    }

    /// The schemas of a property: from `properties` of each part, or else from `additionalProperties`.
    pub(super) fn property(&self, name: &str) -> Self {
        let own = |part: &Place<'a>| part.member("properties")?.member(name);
        self.below(own, "additionalProperties")
    }

    /// The schemas of a property that no part declares.
    pub(super) fn undeclared(&self) -> Self {
        Self::new(self.all("additionalProperties"))
    }

    /// The schemas of the item at an index: from `prefixItems` of each part, or else from `items`.
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

/// `const` or `enum` of a part, and the values that it allows.
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

/// The names of types, without `integer` if `number` is among them.
pub(super) fn names(mut types: Types) -> String {
    if types.contains("number") {
        types.remove("integer");
    }
    if types.is_empty() { "none".to_owned() } else { Vec::from_iter(types).join(" or ") }
}
