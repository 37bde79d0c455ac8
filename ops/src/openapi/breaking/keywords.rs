//! Compares the keywords that constrain a value itself (JSON Schema 2020-12, validation).

use serde_json::{Map, Value};

use super::schema::{Comparison, Pair};
use super::view::{Types, View, names, types_of, values_of};
use crate::openapi::place::Place;

/// The condition under which a keyword of the inner schema is at least as strict as that of the outer schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum KeptBy {
    /// An equal or higher number.
    Higher,
    /// An equal or lower number.
    Lower,
    /// A multiple.
    Multiple,
    /// The same keyword with the same value, because such values have no order.
    Same,
}

/// Groups of keywords, the type that they constrain (`integer` for numbers, `any` for all), and the condition.
const RULES: [(&[&str], &str, KeptBy); 15] = [
    (&["minimum", "exclusiveMinimum"], "integer", KeptBy::Higher),
    (&["maximum", "exclusiveMaximum"], "integer", KeptBy::Lower),
    (&["multipleOf"], "integer", KeptBy::Multiple),
    (&["minLength"], "string", KeptBy::Higher),
    (&["maxLength"], "string", KeptBy::Lower),
    (&["pattern", "contentEncoding", "contentMediaType", "contentSchema"], "string", KeptBy::Same),
    (&["minItems"], "array", KeptBy::Higher),
    (&["maxItems"], "array", KeptBy::Lower),
    (&["minContains"], "array", KeptBy::Higher),
    (&["maxContains"], "array", KeptBy::Lower),
    (&["uniqueItems", "contains", "unevaluatedItems"], "array", KeptBy::Same),
    (&["minProperties"], "object", KeptBy::Higher),
    (&["maxProperties"], "object", KeptBy::Lower),
    (
        &[
            "propertyNames",
            "patternProperties",
            "dependentRequired",
            "dependentSchemas",
            "unevaluatedProperties",
            "discriminator",
        ],
        "object",
        KeptBy::Same,
    ),
    (&["format", "if", "then", "else", "not", "$dynamicRef"], "any", KeptBy::Same),
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

impl Comparison {
    /// Compares all keywords except those of properties, items and alternatives. `types` are the types of the inner
    /// schema.
    pub(super) fn keywords(&mut self, pair: Pair<'_, '_>, types: &Types) {
        let Pair { inner, outer, .. } = pair;
        let own = inner.all("type");
        for place in outer.all("type") {
            let allowed = types_of(place.value);
            if !types.is_subset(&allowed) {
                let (old, new) = pair.old_and_new(names(types.clone()), names(allowed));
                let what = format!("`type` was {old}, is {new}");
                self.differs(pair, own.first(), Some(&place), &what);
            }
        }
        let own = inner.parts.iter().find_map(values_of).map(|(place, _)| place);
        for (place, allowed) in outer.parts.iter().filter_map(values_of) {
            let values = inner.values();
            if !values.is_some_and(|values| values.iter().all(|value| allowed.contains(value))) {
                self.changed(pair, "enum", own.as_ref(), &place);
            }
        }
        for (keywords, constrained, kept_by) in RULES {
            // Values without an order must have the same keyword.
            let group = if kept_by == KeptBy::Same { 1 } else { keywords.len() };
            if constrained == "any" || types.contains(constrained) {
                keywords.chunks(group).for_each(|keywords| self.kept(pair, keywords, kept_by));
            }
        }
        // Requests without the member use its default.
        for place in inner.all("default").iter().filter(|_| pair.is_request()) {
            let new = outer.all("default");
            if !new.iter().any(|new| new.value == place.value) {
                let what = format!("the default was {}", place.value);
                self.differs(pair, Some(place), new.first(), &what);
            }
        }
    }

    fn kept(&mut self, pair: Pair<'_, '_>, keywords: &[&'static str], kept_by: KeptBy) {
        let inner = found(pair.inner, keywords);
        for outer in found(pair.outer, keywords) {
            let (keyword, place) = &outer;
            let demands_nothing = match *keyword {
                "uniqueItems" => *place.value == false,
                "minLength" | "minItems" | "minContains" | "minProperties" => *place.value == 0,
                "unevaluatedProperties" if !pair.is_request() => true,
                "if" | "then" => place.parent().is_some_and(|rule| pair.inner.never_meets(&rule)),
                _ => *place.value == true,
            };
            if !demands_nothing && !inner.iter().any(|inner| kept_by.keeps(inner, &outer)) {
                self.changed(pair, keyword, inner.first().map(|(_, place)| place), place);
            }
        }
    }

    /// Reports a keyword of the outer schema. `inner` is the keyword of the inner schema.
    fn changed(
        &mut self,
        pair: Pair<'_, '_>,
        keyword: &str,
        inner: Option<&Place<'_>>,
        outer: &Place<'_>,
    ) {
        let own = inner.map_or_else(|| "nothing".to_owned(), |place| place.value.to_string());
        let (old, new) = pair.old_and_new(own, outer.value.to_string());
        self.differs(pair, inner, Some(outer), &format!("`{keyword}` was {old}, is {new}"));
    }
}

/// A keyword and its place.
type Found<'a> = (&'static str, Place<'a>);

fn found<'a>(view: &View<'a>, keywords: &[&'static str]) -> Vec<Found<'a>> {
    let all = |keyword: &&'static str| {
        let keyword = *keyword;
        view.all(keyword).into_iter().map(move |place| (keyword, place))
    };
    keywords.iter().flat_map(all).collect()
}

impl KeptBy {
    fn keeps(self, inner: &Found<'_>, outer: &Found<'_>) -> bool {
        // If two bounds have the same number, the exclusive bound is stricter.
        let bound = |(keyword, place): &Found<'_>, sign: f64| {
            Some((place.value.as_f64()? * sign, keyword.starts_with("exclusive")))
        };
        match self {
            Self::Higher => bound(inner, 1.0) >= bound(outer, 1.0),
            Self::Lower => bound(inner, -1.0) >= bound(outer, -1.0),
            Self::Multiple => {
                let quotient =
                    inner.1.value.as_f64().zip(outer.1.value.as_f64()).map(|(i, o)| i / o);
                quotient.is_some_and(|quotient| quotient.fract().abs() < f64::EPSILON)
            }
            Self::Same => is_same(&inner.1, &outer.1),
        }
    }
}

/// Whether two parts of documents have the same meaning.
pub(super) fn is_same(one: &Place<'_>, two: &Place<'_>) -> bool {
    said(one, &mut Vec::new()) == said(two, &mut Vec::new())
}

/// The value of a place without annotations, and with references replaced by their targets. A reference to a target in
/// `above` stays a reference, so that recursion ends.
fn said(place: &Place<'_>, above: &mut Vec<String>) -> Value {
    if place.value.is_array() {
        return place.items().iter().map(|item| said(item, above)).collect();
    }
    if !place.value.is_object() {
        return place.value.clone();
    }
    let members = place.members().into_iter().filter(|(name, _)| !ANNOTATIONS.contains(name));
    let mut all: Map<String, Value> =
        members.map(|(name, member)| (name.to_owned(), said(&member, above))).collect();
    if let Some(target) = place.target().filter(|target| !above.contains(&target.at)) {
        above.push(target.at.clone());
        let target = said(&target, above);
        above.pop();
        if all.len() == 1 {
            return target;
        }
        all.insert("$ref".to_owned(), target);
    }
    Value::Object(all)
}
