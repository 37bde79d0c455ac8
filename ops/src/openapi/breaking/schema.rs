//! One question: does every value that fits one schema fit the other as well?
//!
//! A request asks it of the old schema, which must be within the new one. A response asks it of the new schema,
//! which must be within the old one. What is answered with no is reported keyword by keyword. Pairs of schemas
//! that were asked about before are not asked about again, which is also how recursive schemas come to an end.

use std::collections::{BTreeSet, HashSet};

use serde_json::Value;

use super::Change;
use super::types::Types;
use super::view::{View, values_of};
use crate::openapi::place::Place;

mod keywords;

/// Whose values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Direction {
    /// What callers send.
    Request,
    /// What callers get.
    Response,
    /// A problem (RFC 9457), whose `type` may get further values at any time.
    Problem,
}

type Key = (Direction, BTreeSet<String>, BTreeSet<String>);

/// What was compared, and what was found.
#[derive(Debug, Clone, Default)]
pub(super) struct Comparison {
    seen: HashSet<Key>,
    changes: Vec<Change>,
}

/// Two schemas: every value of `inner` should fit `outer`.
#[derive(Debug, Clone, Copy)]
struct Pair<'v, 'a> {
    direction: Direction,
    inner: &'v View<'a>,
    outer: &'v View<'a>,
}

impl Pair<'_, '_> {
    /// Which of two things, one of `inner` and one of `outer`, is the old one; the other is the new one.
    fn old_and_new<T>(self, inner: T, outer: T) -> (T, T) {
        if self.direction == Direction::Request { (inner, outer) } else { (outer, inner) }
    }
}

impl Comparison {
    pub(super) fn into_changes(self) -> Vec<Change> {
        self.changes
    }

    /// Compares the schemas of a media type, a parameter or a header at `at`. Without one everything fits.
    pub(super) fn values(
        &mut self,
        old: Option<Place<'_>>,
        new: Option<Place<'_>>,
        at: &str,
        direction: Direction,
    ) {
        let known = self.changes.len();
        let (old, new) = (View::new(old), View::new(new));
        let (inner, outer) = if direction == Direction::Request { (old, new) } else { (new, old) };
        self.within(direction, &inner, &outer);
        // A keyword that one side lacks altogether, with the schema around it.
        for change in &mut self.changes[known..] {
            if change.at.is_empty() {
                at.clone_into(&mut change.at);
            }
        }
    }

    fn within(&mut self, direction: Direction, inner: &View<'_>, outer: &View<'_>) {
        if !self.seen.insert((direction, inner.key(), outer.key())) || inner.is_never() {
            return;
        }
        let (Some(inners), Some(outers)) = (inner.clone().cases(), outer.clone().cases()) else {
            if !keywords::are_same(inner.parts(), outer.parts()) {
                let places = (inner.parts().first(), outer.parts().first());
                let what = "it changed, and has too many alternatives to compare";
                self.differs(Pair { direction, inner, outer }, places.0, places.1, what);
            }
            return;
        };
        for inner in &inners {
            self.one_of(direction, inner, &outers);
        }
    }

    /// One alternative has to fit. When none does, the changes to the most similar one are reported.
    fn one_of(&mut self, direction: Direction, inner: &View<'_>, outers: &[View<'_>]) {
        if let [outer] = outers {
            return self.case(Pair { direction, inner, outer });
        }
        let mut best: Option<Self> = None;
        for outer in outers {
            let mut trial = Self { seen: self.seen.clone(), changes: Vec::new() };
            trial.case(Pair { direction, inner, outer });
            if best.as_ref().is_none_or(|best| trial.changes.len() < best.changes.len()) {
                best = Some(trial);
            }
        }
        let Some(best) = best else { return };
        if best.changes.is_empty() {
            self.seen = best.seen;
        }
        self.changes.extend(best.changes);
    }

    fn case(&mut self, pair: Pair<'_, '_>) {
        if pair.inner.is_never() {
            return;
        }
        if pair.outer.is_never() {
            let place = pair.outer.parts().iter().find(|part| *part.value == Value::Bool(false));
            self.differs(pair, None, place, "nothing fits any more");
            return;
        }
        let types = pair.inner.types();
        keywords::compare(self, pair, types);
        if types.meet(Types::OBJECT) {
            self.object(pair);
        }
        if types.meet(Types::ARRAY) {
            let prefix = pair.inner.prefix().max(pair.outer.prefix());
            for index in 0..=prefix {
                self.within(pair.direction, &pair.inner.item(index), &pair.outer.item(index));
            }
        }
    }

    fn object(&mut self, pair: Pair<'_, '_>) {
        let Pair { direction, inner, outer } = pair;
        for list in outer.all("required") {
            for name in list.items().filter_map(|item| item.value.as_str()) {
                let removed = direction != Direction::Request
                    && outer.declaration(name).is_some()
                    && inner.declaration(name).is_none();
                if !inner.requires(name) && !removed {
                    let (_, new) = pair.old_and_new("is no longer always there", "is required");
                    let at = inner.declaration(name).filter(|_| direction != Direction::Request);
                    self.differs(pair, at.as_ref(), Some(&list), &format!("`{name}` {new}"));
                }
            }
        }
        for name in outer.declared() {
            let places = (inner.declaration(name), outer.declaration(name));
            if places.0.is_none() && direction != Direction::Request {
                self.differs(pair, None, places.1.as_ref(), "the member was removed");
            } else if (places.0.is_some() || !inner.undeclared().parts().is_empty())
                && !(direction == Direction::Problem && name == "type")
            {
                let direction = nested(direction);
                self.within(direction, &inner.property(name), &outer.property(name));
            }
        }
        if direction == Direction::Request {
            for name in inner.declared().difference(&outer.declared()) {
                let place = inner.declaration(name);
                self.differs(pair, place.as_ref(), None, "the member was removed");
            }
        }
        // A response may get further members at any time, so `false` promises nothing there.
        let is_open = !inner.undeclared().is_never();
        let promises = |place: &&Place<'_>| {
            direction == Direction::Request || *place.value != Value::Bool(false)
        };
        if is_open {
            for place in outer.all("additionalProperties").iter().filter(promises) {
                let outer = View::new([place.clone()]);
                if *place.value == Value::Bool(false) {
                    self.differs(
                        pair,
                        None,
                        Some(place),
                        "other members are not accepted any more",
                    );
                } else {
                    self.within(nested(direction), &inner.undeclared(), &outer);
                }
            }
        }
    }

    /// Reports that a value of the inner schema need not fit the outer one. The place is that of the new
    /// document where it has one.
    fn differs(
        &mut self,
        pair: Pair<'_, '_>,
        inner: Option<&Place<'_>>,
        outer: Option<&Place<'_>>,
        what: &str,
    ) {
        let (old, new) = pair.old_and_new(inner, outer);
        let at = new.or(old).map(|place| place.at.clone()).unwrap_or_default();
        let what = match pair.direction {
            Direction::Request => format!("in requests: {what}"),
            Direction::Response | Direction::Problem => format!("in responses: {what}"),
        };
        self.changes.push(Change { at, what });
    }
}

/// Only the outermost object of a problem is one.
fn nested(direction: Direction) -> Direction {
    if direction == Direction::Problem { Direction::Response } else { direction }
}
