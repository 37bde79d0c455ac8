//! Breaking changes: what a caller of the old document cannot rely on in the new one.
//!
//! One walk over both documents compares them as a caller sees them. Requests that were accepted must still be
//! accepted, and responses must stay within what was declared. Both are one question about schemas, asked in two
//! directions (`schema`). A rule that this module does not know counts as broken when it changed.
//!
//! What the callers' page allows without notice is no breaking change: a new operation, an optional member of a
//! request, a member or a header of a response, an error status, a problem type.

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

/// A document, read and typed.
#[derive(Debug)]
pub struct Contract {
    document: Document,
    json: Value,
}

impl Contract {
    /// Reads the text of a document; the error names every fault that the document has.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let contract = Self { document: Document::parse(text)?, json: serde_json::from_str(text)? };
        // What a reference hides could change unseen.
        if let Some(at) = contract.root().lost_reference() {
            anyhow::bail!("{at}: the reference leads nowhere in this document");
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
        Place::find(&self.json, "").expect("the whole document is there")
    }

    fn place(&self, operation: &Operation) -> Place<'_> {
        let method = operation.method.as_str().to_ascii_lowercase();
        let paths = self.root().member("paths");
        let item = paths.and_then(|paths| paths.member(&operation.path.to_string()));
        item.and_then(|item| item.member(&method)).expect("the document has its operations")
    }
}

/// Something that a caller notices.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// A JSON pointer into the new document, or into the old one for what the new one does not have.
    pub at: String,
    /// What changed.
    pub what: String,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.what)
    }
}

/// Every breaking change, in the order of the pointers, each once.
#[must_use]
pub fn compare(old: &Contract, new: &Contract) -> Vec<Change> {
    let mut comparison = Comparison::default();
    let (was, is) = (old.name(), new.name());
    if was != is {
        let what = format!("`{was}` is `{is}`: realm and problem types have another name");
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

/// What two documents have under each name: the first of the old one, the first of the new one.
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
