//! What goes on to the service of the headers that a caller sends.

use chassis::document::Document;
use serde::Serialize;

/// Forwarded to every service. A document declares what it needs beside these.
const FORWARDED: [&str; 5] =
    ["accept", "accept-language", "content-encoding", "content-type", "tracestate"];
/// Set by the template, so a declaration of them changes nothing.
const SET: [&str; 3] = ["traceparent", "user-agent", "x-amzn-trace-id"];

/// A header that goes on as it came.
#[derive(Debug, Serialize)]
pub(super) struct Header {
    name: String,
    /// The name as a variable of nginx has it.
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

/// The cookies that the document declares. No other goes on.
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
