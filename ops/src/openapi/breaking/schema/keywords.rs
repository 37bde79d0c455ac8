//! The keywords that constrain a value itself (JSON Schema 2020-12, validation).

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Comparison, Pair, Place, Types, View, values_of};

/// Keywords of a number of something: the type, and whether it is the least.
const COUNTS: [(&str, Types, bool); 8] = [
    ("minLength", Types::STRING, true),
    ("maxLength", Types::STRING, false),
    ("minItems", Types::ARRAY, true),
    ("maxItems", Types::ARRAY, false),
    ("minProperties", Types::OBJECT, true),
    ("maxProperties", Types::OBJECT, false),
    ("minContains", Types::ARRAY, true),
    ("maxContains", Types::ARRAY, false),
];

/// Keywords whose values either are the same or do not compare, and the type that they constrain.
const SAME: [(&str, Types); 18] = [
    ("pattern", Types::STRING),
    ("format", Types::ALL),
    ("contentEncoding", Types::STRING),
    ("contentMediaType", Types::STRING),
    ("contentSchema", Types::STRING),
    ("contains", Types::ARRAY),
    ("unevaluatedItems", Types::ARRAY),
    ("propertyNames", Types::OBJECT),
    ("patternProperties", Types::OBJECT),
    ("dependentRequired", Types::OBJECT),
    ("dependentSchemas", Types::OBJECT),
    ("unevaluatedProperties", Types::OBJECT),
    ("if", Types::ALL),
    ("then", Types::ALL),
    ("else", Types::ALL),
    ("not", Types::ALL),
    ("$dynamicRef", Types::ALL),
    ("discriminator", Types::OBJECT),
];

/// Members of a schema that constrain nothing.
const ANNOTATIONS: [&str; 11] = [
    "title",
    "description",
    "$comment",
    "example",
    "examples",
    "deprecated",
    "readOnly",
    "writeOnly",
    "externalDocs",
    "xml",
    "default",
];

/// Compares everything but properties, items and alternatives. `types` are those of the inner schema.
pub(super) fn compare(to: &mut Comparison, pair: Pair<'_, '_>, types: Types) {
    let mut of = Keywords { to, pair, types };
    of.types();
    of.values();
    if types.meet(Types::NUMBER) {
        of.bounds();
    }
    for (keyword, type_, is_least) in COUNTS {
        if types.meet(type_) {
            of.count(keyword, is_least);
        }
    }
    for (keyword, type_) in SAME {
        if types.meet(type_) {
            of.same(keyword);
        }
    }
    of.unique();
    of.default();
}

struct Keywords<'c, 'v, 'a> {
    to: &'c mut Comparison,
    pair: Pair<'v, 'a>,
    types: Types,
}

impl<'a> Keywords<'_, '_, 'a> {
    /// Reports a keyword of the outer schema, `inner` being what the inner one has.
    fn differs(&mut self, keyword: &str, inner: Option<&Place<'a>>, outer: &Place<'a>) {
        let text = |place: Option<&Place<'_>>| {
            place.map_or_else(|| "nothing".to_owned(), |place| place.value.to_string())
        };
        let (old, new) = self.pair.old_and_new(text(inner), text(Some(outer)));
        let what = format!("`{keyword}` was {old}, is {new}");
        self.to.differs(self.pair, inner, Some(outer), &what);
    }

    fn types(&mut self) {
        let own = self.pair.inner.all("type").into_iter().next();
        for place in self.pair.outer.all("type") {
            let outer = Types::of_keyword(place.value);
            if !self.types.are_within(outer) {
                let (old, new) = self.pair.old_and_new(self.types, outer);
                let what = format!("`type` was {old}, is {new}");
                self.to.differs(self.pair, own.as_ref(), Some(&place), &what);
            }
        }
    }

    fn values(&mut self) {
        let inner = self.pair.inner.values();
        let own = self.pair.inner.parts().iter().find_map(keyword_of_values);
        for part in self.pair.outer.parts() {
            let (Some(outer), Some(place)) = (values_of(part), keyword_of_values(part)) else {
                continue;
            };
            let fits = |values: &Vec<&Value>| values.iter().all(|value| outer.contains(value));
            if !inner.as_ref().is_some_and(fits) {
                self.differs("enum", own.as_ref(), &place);
            }
        }
    }

    /// `minimum` and `maximum`, each also exclusive, and `multipleOf`.
    fn bounds(&mut self) {
        for (inclusive, exclusive, sign) in
            [("minimum", "exclusiveMinimum", 1.0), ("maximum", "exclusiveMaximum", -1.0)]
        {
            let bounds = |view: &View<'a>| -> Vec<(f64, bool, Place<'a>)> {
                let of = |word, strict| {
                    let found = view.all(word).into_iter();
                    found.filter_map(move |p| Some((sign * p.value.as_f64()?, strict, p)))
                };
                of(inclusive, false).chain(of(exclusive, true)).collect()
            };
            let inner = bounds(self.pair.inner);
            for (limit, strict, place) in bounds(self.pair.outer) {
                let holds = |(own, own_strict, _): &(f64, bool, Place<'_>)| {
                    *own > limit || (own.total_cmp(&limit).is_eq() && (*own_strict || !strict))
                };
                if !inner.iter().any(holds) {
                    let own = inner.first().map(|(_, _, place)| place.clone());
                    self.differs(if strict { exclusive } else { inclusive }, own.as_ref(), &place);
                }
            }
        }
        let inner = self.pair.inner.all("multipleOf");
        for place in self.pair.outer.all("multipleOf") {
            let step = place.value.as_f64().unwrap_or(f64::NAN);
            let divides = |own: &Place<'_>| {
                own.value.as_f64().is_some_and(|own| (own / step).fract().abs() < f64::EPSILON)
            };
            if !inner.iter().any(divides) {
                self.differs("multipleOf", inner.first(), &place);
            }
        }
    }

    fn count(&mut self, keyword: &str, is_least: bool) {
        let number = |place: &Place<'_>| place.value.as_f64();
        let inner = self.pair.inner.all(keyword);
        for place in self.pair.outer.all(keyword) {
            let Some(limit) = number(&place) else { continue };
            let holds = |own: f64| if is_least { own >= limit } else { own <= limit };
            let is_trivial = is_least && limit <= 0.0;
            if !is_trivial && !inner.iter().filter_map(number).any(holds) {
                self.differs(keyword, inner.first(), &place);
            }
        }
    }

    fn same(&mut self, keyword: &str) {
        let inner = self.pair.inner.all(keyword);
        for place in self.pair.outer.all(keyword) {
            let allows_all = *place.value == Value::Bool(true);
            let is_free = keyword == "unevaluatedProperties"
                && self.pair.direction != super::Direction::Request;
            let same = |own: &Place<'_>| is_same(own, &place, &mut BTreeSet::new());
            if !allows_all && !is_free && !inner.iter().any(same) {
                self.differs(keyword, inner.first(), &place);
            }
        }
    }

    fn unique(&mut self) {
        let is_set = |place: &&Place<'_>| *place.value == Value::Bool(true);
        let inner = self.pair.inner.all("uniqueItems");
        if self.types.meet(Types::ARRAY) && !inner.iter().any(|place| is_set(&place)) {
            for place in self.pair.outer.all("uniqueItems").iter().filter(is_set) {
                self.differs("uniqueItems", inner.first(), place);
            }
        }
    }

    /// Callers that leave a member out get its default.
    fn default(&mut self) {
        if self.pair.direction != super::Direction::Request {
            return;
        }
        for place in self.pair.inner.all("default") {
            let outer = self.pair.outer.all("default");
            if !outer.iter().any(|new| new.value == place.value) {
                let what = format!("the default was {}", place.value);
                self.to.differs(self.pair, Some(&place), outer.first(), &what);
            }
        }
    }
}

fn keyword_of_values<'a>(part: &Place<'a>) -> Option<Place<'a>> {
    part.member("const").or_else(|| part.member("enum"))
}

/// Whether the parts of two schemas say the same, one by one.
pub(super) fn are_same(left: &[Place<'_>], right: &[Place<'_>]) -> bool {
    let mut seen = BTreeSet::new();
    left.len() == right.len() && left.iter().zip(right).all(|(l, r)| is_same(l, r, &mut seen))
}

/// Whether two parts of documents say the same, references followed and annotations left out.
fn is_same(one: &Place<'_>, two: &Place<'_>, seen: &mut BTreeSet<(String, String)>) -> bool {
    let (one, two) = (followed(one), followed(two));
    if !seen.insert((one.at.clone(), two.at.clone())) {
        return true;
    }
    match (one.value, two.value) {
        (Value::Object(_), Value::Object(_)) => {
            let (left, right) = (said(&one), said(&two));
            // What stands beside a reference is compared, and what it refers to as well.
            let targets = one.target().zip(two.target());
            let mut same = |name: &str, left: &Place<'_>| match &targets {
                Some((left, right)) if name == "$ref" => is_same(left, right, seen),
                _ => two.member(name).is_some_and(|right| is_same(left, &right, seen)),
            };
            left.len() == right.len() && left.iter().all(|(name, left)| same(name, left))
        }
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len()
                && one.items().zip(two.items()).all(|(left, right)| is_same(&left, &right, seen))
        }
        (left, right) => left == right,
    }
}

/// What a place says: its members without annotations.
fn said<'a>(place: &Place<'a>) -> Vec<(&'a str, Place<'a>)> {
    place.members().filter(|(name, _)| !ANNOTATIONS.contains(name)).collect()
}

/// What a place refers to when it says nothing else.
fn followed<'a>(place: &Place<'a>) -> Place<'a> {
    if said(place).len() == 1 { place.clone().resolved() } else { place.clone() }
}
