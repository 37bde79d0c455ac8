//! Checks whether every value that fits one schema (`inner`) also fits another schema (`outer`).
//!
//! For a request, `inner` is the old schema and `outer` the new one. For a response, `inner` is the new schema and
//! `outer` the old one. Each keyword that violates this is reported. Each pair of schemas is compared only once, so
//! recursive schemas end.

use std::collections::{BTreeSet, HashSet};

use super::Change;
use super::keywords::is_same;
use super::view::View;
use crate::openapi::place::Place;

/// The message that contains the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Direction {
    /// Callers send the value.
    Request,
    /// Callers receive the value.
    Response,
    /// Callers receive the value in a problem (RFC 9457). Its `type` can get new values at any time.
    Problem,
}

/// The pairs that were compared, and the changes that were found.
#[derive(Debug, Clone, Default)]
pub(super) struct Comparison {
    seen: HashSet<(Direction, BTreeSet<String>, BTreeSet<String>)>,
    pub(super) changes: Vec<Change>,
}

/// Two schemas. Every value of `inner` must fit `outer`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pair<'v, 'a> {
    pub(super) direction: Direction,
    pub(super) inner: &'v View<'a>,
    pub(super) outer: &'v View<'a>,
}

impl Pair<'_, '_> {
    pub(super) fn is_request(self) -> bool {
        self.direction == Direction::Request
    }

    /// Sorts a value of `inner` and a value of `outer` into old and new.
    pub(super) fn old_and_new<T>(self, inner: T, outer: T) -> (T, T) {
        if self.is_request() { (inner, outer) } else { (outer, inner) }
    }
}

impl Comparison {
    pub(super) fn report(&mut self, at: impl Into<String>, what: impl Into<String>) {
        self.changes.push(Change { at: at.into(), what: what.into() });
    }

    /// Compares the schemas of a media type, a parameter or a header. Without a schema, every value fits.
    pub(super) fn schemas(
        &mut self,
        direction: Direction,
        old: Option<Place<'_>>,
        new: Option<Place<'_>>,
    ) {
        let (old, new) = (View::new(old), View::new(new));
        match direction {
            Direction::Request => self.within(direction, &old, &new),
            Direction::Response | Direction::Problem => self.within(direction, &new, &old),
        }
    }

    fn within(&mut self, direction: Direction, inner: &View<'_>, outer: &View<'_>) {
        if !self.seen.insert((direction, inner.key.clone(), outer.key.clone())) {
            return;
        }
        let (Some(inners), Some(outers)) = (inner.clone().cases(), outer.clone().cases()) else {
            let mut parts = inner.parts.iter().zip(&outer.parts);
            if inner.parts.len() != outer.parts.len() || !parts.all(|(l, r)| is_same(l, r)) {
                let places = (inner.parts.first(), outer.parts.first());
                let what = "it changed, but has too many alternatives to compare";
                self.differs(Pair { direction, inner, outer }, places.0, places.1, what);
            }
            return;
        };
        for inner in inners.iter().filter(|inner| inner.never().is_none()) {
            if let [outer] = &outers[..] {
                self.case(Pair { direction, inner, outer });
            } else {
                self.one_of(direction, inner, &outers);
            }
        }
    }

    /// One alternative must fit. If none fits, this reports the changes to the most similar one.
    fn one_of(&mut self, direction: Direction, inner: &View<'_>, outers: &[View<'_>]) {
        let trials = outers.iter().map(|outer| {
            let mut trial = Self { seen: self.seen.clone(), changes: Vec::new() };
            trial.case(Pair { direction, inner, outer });
            trial
        });
        if let Some(best) = trials.min_by_key(|trial| trial.changes.len()) {
            if best.changes.is_empty() {
                self.seen = best.seen;
            }
            self.changes.extend(best.changes);
        }
    }

    fn case(&mut self, pair: Pair<'_, '_>) {
        if let Some(place) = pair.outer.never() {
            return self.differs(pair, None, Some(place), "no value fits any longer");
        }
        let types = pair.inner.types();
        self.keywords(pair, &types);
        if types.contains("object") {
            self.object(pair);
        }
        if types.contains("array") {
            for index in 0..=pair.inner.prefix().max(pair.outer.prefix()) {
                self.within(pair.direction, &pair.inner.item(index), &pair.outer.item(index));
            }
        }
    }

    fn object(&mut self, pair: Pair<'_, '_>) {
        let Pair { direction, inner, outer } = pair;
        // Only the outermost object of a problem is a problem.
        let nested = if pair.is_request() { direction } else { Direction::Response };
        let undeclared = inner.undeclared();
        for list in outer.all("required") {
            for name in list.items().iter().filter_map(|item| item.value.as_str()) {
                let own = inner.declaration(name);
                if pair.is_request() && !inner.requires(name) {
                    self.differs(pair, None, Some(&list), &format!("`{name}` is required"));
                } else if !inner.requires(name)
                    && (own.is_some() || outer.declaration(name).is_none())
                {
                    let what = format!("`{name}` is no longer required");
                    self.differs(pair, own.as_ref(), Some(&list), &what);
                }
            }
        }
        for name in &inner.declared() | &outer.declared() {
            match (inner.declaration(name), outer.declaration(name)) {
                (own, None) if pair.is_request() => {
                    self.differs(pair, own.as_ref(), None, "the member was removed");
                }
                (None, old) if !pair.is_request() => {
                    self.differs(pair, None, old.as_ref(), "the member was removed");
                }
                (Some(_), Some(_)) if direction == Direction::Problem && name == "type" => {}
                (own, Some(_)) if own.is_some() || !undeclared.parts.is_empty() => {
                    self.within(nested, &inner.property(name), &outer.property(name));
                }
                _ => {}
            }
        }
        if undeclared.never().is_some() {
            return;
        }
        for place in outer.all("additionalProperties") {
            if *place.value != false {
                self.within(nested, &undeclared, &View::new([place]));
            } else if pair.is_request() {
                // A response can get new members at any time, so `false` has no effect there.
                let what = "other members are no longer accepted";
                self.differs(pair, None, Some(&place), what);
            }
        }
    }

    /// Reports that some values of the inner schema do not fit the outer schema. The pointer is into the new document,
    /// if the part exists there.
    pub(super) fn differs(
        &mut self,
        pair: Pair<'_, '_>,
        inner: Option<&Place<'_>>,
        outer: Option<&Place<'_>>,
        what: &str,
    ) {
        let (old, new) = pair.old_and_new(inner, outer);
        let at = new.or(old).map(|place| place.at.clone()).unwrap_or_default();
        let message = if pair.is_request() { "requests" } else { "responses" };
        self.report(at, format!("in {message}: {what}"));
    }
}
