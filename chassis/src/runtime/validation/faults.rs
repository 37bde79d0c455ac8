//! The texts for the errors of a schema. They contain no value of the caller.

use super::fault;
use crate::document::strict::escaped;
use crate::problem::Fault;
use jsonschema::error::{TypeKind, ValidationError, ValidationErrorKind as Kind};

/// One error of a schema. An error of an object can concern several members.
pub(super) fn faults(error: &ValidationError<'_>) -> Vec<Fault> {
    let at = error.instance_path().as_str().to_owned();
    let member = |name: &str| format!("{at}/{}", escaped(name));
    let detail = match error.kind() {
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            return unexpected.iter().map(|name| fault(member(name), "is not known")).collect();
        }
        Kind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            return vec![fault(member(name), "is missing")];
        }
        Kind::Type { kind } => format!("must be {}", types(kind)),
        Kind::MinLength { limit } => format!("must have at least {limit} characters"),
        Kind::MaxLength { limit } => format!("must have at most {limit} characters"),
        Kind::Minimum { limit } => format!("must be at least {limit}"),
        Kind::Maximum { limit } => format!("must be at most {limit}"),
        Kind::Pattern { pattern } => format!("must match the pattern {pattern}"),
        Kind::Enum { options } => format!("must be one of {options}"),
        Kind::Format { format } => format!("must have the format {format}"),
        _ => error.masked().to_string(),
    };
    vec![fault(at, detail)]
}

fn types(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Single(one) => format!("of the type {one}"),
        TypeKind::Multiple(several) => {
            let names: Vec<String> = several.iter().map(|one| one.to_string()).collect();
            format!("of the type {}", names.join(" or "))
        }
    }
}
