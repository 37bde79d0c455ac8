//! Breaking changes: what a caller of the old document cannot rely on in the new one.
//!
//! Two documents are compared as a caller sees them. Requests that were accepted must still be accepted, and
//! responses must stay within what was declared. Both are one question about schemas, asked in two directions
//! (`schema`). A rule that this module does not know counts as broken when it changed.
//!
//! What the callers' page allows without notice is no breaking change: a new operation, an optional member of a
//! request, a member or a header of a response, an error status, a problem type.

mod message;
mod operation;
mod schema;
mod types;
mod view;

use std::collections::BTreeSet;
use std::fmt;

use chassis::document::{Document, Operation};
use serde_json::Value;

use super::place::{Place, escaped};
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
        let document = Document::parse(text)?;
        let json = serde_json::from_str(text)?;
        // What a reference hides could change unseen.
        if let Some(at) = Place::root(&json).lost_reference() {
            anyhow::bail!("{at}: the reference leads nowhere in this document");
        }
        Ok(Self { document, json })
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
        operations.all(|o| self.place(o).value["deprecated"] == true)
    }

    fn root(&self) -> Place<'_> {
        Place::root(&self.json)
    }

    fn place(&self, operation: &Operation) -> Place<'_> {
        Place::find(&self.json, &pointer(operation)).expect("the document has its operations")
    }
}

/// Where an operation is.
fn pointer(operation: &Operation) -> String {
    let method = operation.method.as_str().to_ascii_lowercase();
    format!("{}/{method}", path_pointer(operation))
}

fn path_pointer(operation: &Operation) -> String {
    format!("/paths/{}", escaped(&operation.path.to_string()))
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

/// Adds a change.
fn report(changes: &mut Vec<Change>, at: impl Into<String>, what: impl Into<String>) {
    changes.push(Change { at: at.into(), what: what.into() });
}

/// Every breaking change, in the order of the pointers, each once.
#[must_use]
pub fn compare(old: &Contract, new: &Contract) -> Vec<Change> {
    let mut changes = Vec::new();
    if old.name() != new.name() {
        let what = format!(
            "`{}` is `{}`: realm and problem types have another name",
            old.name(),
            new.name()
        );
        report(&mut changes, "/x-service/name", what);
    }
    operation::servers(&old.root(), &new.root(), &mut changes);
    let mut comparison = Comparison::default();
    for before in &old.document.operations {
        let same = |o: &&Operation| o.path == before.path && o.method == before.method;
        match new.document.operations.iter().find(same) {
            Some(after) => {
                operation::compare((old, before), (new, after), &mut changes);
                message::compare(
                    &old.place(before),
                    &new.place(after),
                    &mut comparison,
                    &mut changes,
                );
            }
            None if new.document.operations.iter().any(|o| o.path == before.path) => {
                report(&mut changes, pointer(before), "the operation was removed");
            }
            None => report(&mut changes, path_pointer(before), "the path was removed"),
        }
    }
    changes.extend(comparison.into_changes());
    changes.into_iter().collect::<BTreeSet<_>>().into_iter().collect()
}
