//! The OpenAPI document that declares a service: read, checked and typed.
//!
//! The sidecar, the service, the contract tests and the repository's own tools all read the document through
//! this module, so a rule is written once. [`Document::parse`] finds every fault and gives its place as a JSON
//! pointer (RFC 6901). It returns no document if there is a fault.
//!
//! `docs/document.md` defines the members. `make lint` checks the rules of OpenAPI itself (schemas, media types,
//! references inside schemas) against the official schema.

mod examples;
mod operation;
mod operations;
mod parameters;
mod path;
mod reader;
mod service;
pub(crate) mod strict;

pub use examples::Example;
pub use operation::{Access, Deadline, Limited, Method, Operation, Probe};
pub use path::{Segment, Template};
pub use reader::Fault;
pub use service::{Limit, LimitBy, Objectives, STANDARD_LIMITS, Service};

use reader::{Faults, Node};
use serde_json::Value;
use std::fmt;
use std::time::Duration;

/// The load balancer closes a connection that is idle for this long. Every deadline and every pause of a stream
/// must be shorter.
pub const BALANCER_IDLE: Duration = Duration::from_mins(1);

/// The members of an OpenAPI 3.1 document (OpenAPI 3.1.1, section 4.8.1) that a service may use.
const ROOT_MEMBERS: &[&str] = &[
    "openapi",
    "info",
    "jsonSchemaDialect",
    "servers",
    "paths",
    "components",
    "security",
    "tags",
    "externalDocs",
    "x-service",
];

/// A service as its document declares it.
#[derive(Debug, Clone)]
pub struct Document {
    /// `info.title`: a short description of the service.
    pub title: String,
    /// `x-service`: names, ports, limits, objectives.
    pub service: Service,
    /// All operations in the order of the document.
    pub operations: Vec<Operation>,
    /// The document that the service serves, without the `x-` members of the platform.
    pub public: String,
}

/// All faults of a document, one per line.
#[derive(Debug, PartialEq, Eq)]
pub struct Invalid(pub Vec<Fault>);

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, fault) in self.0.iter().enumerate() {
            if number > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Invalid {}

impl Document {
    /// Reads and checks the text of a document.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let root = strict::parse(text).map_err(Invalid)?;
        let mut faults = Faults::default();
        let document = read(&Node::root(&root), &mut faults);
        match document {
            Some((service, operations)) if faults.is_empty() => {
                let title = root["info"]["title"].as_str().unwrap_or_default().to_owned();
                Ok(Self { title, service, operations, public: public(root) })
            }
            _ => Err(Invalid(faults.into())),
        }
    }

    /// The paths in the order of the document, each with its operations.
    #[must_use]
    pub fn paths(&self) -> Vec<(&Template, Vec<&Operation>)> {
        let mut paths: Vec<(&Template, Vec<&Operation>)> = Vec::new();
        for operation in &self.operations {
            match paths.iter_mut().find(|(path, _)| **path == operation.path) {
                Some((_, operations)) => operations.push(operation),
                None => paths.push((&operation.path, vec![operation])),
            }
        }
        paths
    }

    /// Whether an operation requires these credentials.
    #[must_use]
    pub fn requires(&self, access: Access) -> bool {
        self.operations.iter().any(|operation| operation.access == access)
    }
}

fn read(root: &Node<'_>, faults: &mut Faults) -> Option<(Service, Vec<Operation>)> {
    root.known_members(ROOT_MEMBERS, faults);
    if !root
        .member("openapi")
        .is_some_and(|v| v.value.as_str().is_some_and(|v| v.starts_with("3.1.")))
    {
        faults.add(&root.at_member("openapi"), "must be a version 3.1.x of OpenAPI");
    }
    let service = service::read(root, faults);
    let operations = operations::read(root, faults);
    path::refuse_ambiguity(&operations, faults);
    Some((service?, operations))
}

/// Removes the platform's members, only from the places where they are allowed. A property or a header can have a
/// name that begins with `x-`.
fn public(mut root: Value) -> String {
    fn strip(object: &mut Value) {
        if let Value::Object(members) = object {
            members.retain(|name, _| !name.starts_with("x-"));
        }
    }
    strip(&mut root);
    for item in root["paths"].as_object_mut().into_iter().flat_map(|paths| paths.values_mut()) {
        for operation in item.as_object_mut().into_iter().flat_map(|item| item.values_mut()) {
            strip(operation);
        }
    }
    serde_json::to_string_pretty(&root).expect("a JSON value always serialises") + "\n"
}
