//! Finds breaking changes: changes after which a caller of the old document can fail.
//!
//! The service must still accept all requests of the old document, and its responses must still fit the old document.
//! Both are the same comparison of schemas in two directions (`schema`). A change of a rule that this module does not
//! support counts as breaking.
//!
//! The page for callers allows these changes without notice, so they are not breaking:
//!
//! - a new operation
//! - a new optional member of a request
//! - a new member or header of a response
//! - a new error status
//! - a new problem type

mod keywords;
mod message;
mod operation;
mod schema;
mod view;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use chassis::document::{Document, Operation};
use serde_json::Value;

use super::place::Place;
use schema::Comparison;

/// A document, as JSON and as types.
#[derive(Debug)]
pub struct Contract {
    document: Document,
    json: Value,
}

impl Contract {
    /// Parses a document. The error contains all faults of the document.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let contract = Self { document: Document::parse(text)?, json: serde_json::from_str(text)? };
        // The comparison cannot see changes behind a reference without a target.
        if let Some(at) = contract.root().lost_reference() {
            anyhow::bail!("{at}: the reference has no target in this document");
        }
        Ok(contract)
    }

    /// `x-service.name`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.document.service.name
    }

    /// `info.version`.
    #[must_use]
    pub fn version(&self) -> &str {
        self.json["info"]["version"].as_str().unwrap_or_default()
    }

    /// Whether each operation that is not a probe is marked as deprecated.
    #[must_use]
    pub fn is_deprecated(&self) -> bool {
        let mut operations = self.document.operations.iter().filter(|o| o.probe.is_none());
        operations.all(|operation| self.place(operation).value["deprecated"] == true)
    }

    fn root(&self) -> Place<'_> {
        Place::find(&self.json, "").expect("the empty pointer must find the document")
    }

    fn place(&self, operation: &Operation) -> Place<'_> {
        let method = operation.method.as_str().to_ascii_lowercase();
        let paths = self.root().member("paths");
        let item = paths.and_then(|paths| paths.member(&operation.path.to_string()));
        item.and_then(|item| item.member(&method))
            .expect("the document must contain its operations")
    }
}

/// A change that can break a caller.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// A JSON pointer into the new document, or into the old document for a removed part.
    pub at: String,
    /// A description of the change.
    pub what: String,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.what)
    }
}

/// All breaking changes, sorted by pointer, without duplicates.
#[must_use]
pub fn compare(old: &Contract, new: &Contract) -> Vec<Change> {
    let mut comparison = Comparison::default();
    let (was, is) = (old.name(), new.name());
    if was != is {
        let what = format!("`{was}` is `{is}`: the realm and the problem types change");
        comparison.report("/x-service/name", what);
    }
    comparison.servers(&old.root(), &new.root());
    for before in &old.document.operations {
        let mut operations = new.document.operations.iter().filter(|o| o.path == before.path);
        let place = old.place(before);
        match operations.clone().find(|after| after.method == before.method) {
            Some(after) => {
                comparison.operation((old, before), (new, after));
                comparison.messages(&place, &new.place(after));
            }
            None if operations.next().is_some() => {
                comparison.report(place.at, "the operation was removed");
            }
            None => {
                let path = place.parent().map(|path| path.at);
                comparison.report(path.unwrap_or_default(), "the path was removed");
            }
        }
    }
    BTreeSet::from_iter(comparison.changes).into_iter().collect()
}

/// The values of two documents under each name: the first of the old document, and the first of the new document.
type Pairs<'a, K> = BTreeMap<K, (Option<Place<'a>>, Option<Place<'a>>)>;

fn pairs<'a, K: Ord>(old: Vec<(K, Place<'a>)>, new: Vec<(K, Place<'a>)>) -> Pairs<'a, K> {
    let mut pairs = Pairs::new();
    for (name, place) in old {
        pairs.entry(name).or_default().0.get_or_insert(place);
    }
    for (name, place) in new {
        pairs.entry(name).or_default().1.get_or_insert(place);
    }
    pairs
}
