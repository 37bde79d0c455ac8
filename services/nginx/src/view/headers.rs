//! The headers of a caller that the sidecar forwards to the service.

use chassis::document::Document;
use serde::Serialize;

/// Forwarded to every service. A document declares further headers.
const FORWARDED: [&str; 5] =
    ["accept", "accept-language", "content-encoding", "content-type", "tracestate"];
/// Set by the template, so declaring them changes nothing.
const SET: [&str; 3] = ["traceparent", "user-agent", "x-amzn-trace-id"];

/// A header that is forwarded unchanged.
#[derive(Debug, Serialize)]
pub(super) struct Header {
    name: String,
    /// The name in a variable of nginx.
    variable: String,
}

/// The fixed list, and the header parameters that the document declares.
pub(super) fn forwarded(document: &Document) -> Vec<Header> {
    let declared = document.operations.iter().flat_map(|operation| &operation.headers);
    let declared = declared.map(String::as_str).filter(|name| !SET.contains(name));
    distinct(FORWARDED.into_iter().chain(declared))
        .into_iter()
        .map(|name| Header { variable: name.replace('-', "_"), name })
        .collect()
}

/// The cookies that the document declares. No other cookie is forwarded.
pub(super) fn cookies(document: &Document) -> Vec<String> {
    let declared = document.operations.iter().flat_map(|operation| &operation.cookies);
    distinct(declared.map(String::as_str))
}

fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for name in names {
        if !found.iter().any(|known| known == name) {
            found.push(name.into());
        }
    }
    found
}
