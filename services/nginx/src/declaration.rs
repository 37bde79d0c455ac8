//! Reads the service's document, and checks that the settings fit it.

use crate::Failure;
use crate::settings::{KEYS_RULE, Settings};
use chassis::document::{Access, Document, Limit, Operation, Probe, STANDARD_LIMITS};
use std::fs;
use std::path::Path;

/// Reads and checks the document.
pub fn read(path: &Path) -> Result<Document, Failure> {
    let text = fs::read_to_string(path)
        .map_err(|_| Failure::setting("OPENAPI_DOCUMENT", "must be the path of a readable file"))?;
    Document::parse(&text).map_err(Failure::Document)
}

/// The operation of the liveness probe. Its path has no parameter, so the sidecar can send a request to it.
pub fn liveness(document: &Document) -> Result<&Operation, Failure> {
    let live =
        |operation: &&Operation| operation.probe == Some(Probe::Live) && operation.path.is_static();
    document.operations.iter().find(live).ok_or_else(|| {
        Failure::setting(
            "OPENAPI_DOCUMENT",
            "must declare an operation with \"x-probe\": \"live\" on a path without parameters",
        )
    })
}

/// Refuses settings that do not fit the document.
pub fn check(document: &Document, settings: &Settings) -> Result<(), Failure> {
    liveness(document)?;
    if document.requires(Access::ApiKey) && settings.keys.is_none() {
        return Err(Failure::setting("API_KEY", KEYS_RULE));
    }
    Ok(())
}

/// The limits of the document, with the operator's rates and bursts where they are set.
pub fn limits(document: &Document, settings: &Settings) -> Result<Vec<Limit>, Failure> {
    let mut limits = document.service.limits.clone();
    for limit in limits.iter_mut().filter(|limit| STANDARD_LIMITS.contains(&limit.name.as_str())) {
        limit.rate = settings.rate.unwrap_or(limit.rate);
        limit.burst = settings.burst.unwrap_or(limit.burst);
    }
    for (number, set) in settings.limits.iter().enumerate() {
        let again = settings.limits[..number].iter().any(|other| other.name == set.name);
        let known = limits.iter_mut().find(|limit| {
            limit.name == set.name && !STANDARD_LIMITS.contains(&limit.name.as_str())
        });
        let Some(limit) = known.filter(|_| !again) else {
            return Err(Failure::setting(
                "RATE_LIMITS",
                "must name each limit once, and only limits that the document declares other than client and address",
            ));
        };
        (limit.rate, limit.burst) = (set.rate, set.burst);
    }
    Ok(limits)
}
