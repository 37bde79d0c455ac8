//! Header and cookie parameters. The sidecar forwards them to the service in addition to its fixed list.
//!
//! The sidecar writes each name into nginx's configuration and reads it as a variable, so a name contains only the
//! characters of such a variable.

use super::examples::resolved;
use super::reader::{Faults, Node};

/// Headers that a document must not declare. The sidecar sets them, evaluates them or never forwards them.
const RESERVED: &[&str] = &[
    "authorization",
    "connection",
    "content-length",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-api-client",
    "x-api-key",
    "x-client-address",
    "x-forwarded-for",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-request-id",
];

/// The names of the parameters of an operation.
#[derive(Debug, Default)]
pub(super) struct Parameters {
    /// Names of headers, in lower case.
    pub(super) headers: Vec<String>,
    /// Names of cookies.
    pub(super) cookies: Vec<String>,
}

/// Reads the parameters of a path and of its operation. References to `components` are resolved.
pub(super) fn read(root: &Node<'_>, nodes: [&Node<'_>; 2], faults: &mut Faults) -> Parameters {
    let mut parameters = Parameters::default();
    for node in nodes {
        let list = node.member("parameters");
        for parameter in list.iter().filter_map(|list| list.value.as_array()).flatten() {
            let parameter = resolved(root, parameter);
            let (Some(place), Some(name)) = (parameter["in"].as_str(), parameter["name"].as_str())
            else {
                continue;
            };
            let at = node.at_member("parameters");
            match place {
                "header" => parameters.headers.extend(header(name, &at, faults)),
                "cookie" => parameters.cookies.extend(cookie(name, &at, faults)),
                _ => {}
            }
        }
    }
    parameters
}

fn header(name: &str, at: &str, faults: &mut Faults) -> Option<String> {
    let lower = name.to_ascii_lowercase();
    let valid = is_name(name, b'-');
    if !valid || RESERVED.contains(&lower.as_str()) {
        faults.add(
            at,
            format!(
                "must not declare the header `{name}`: a name is 1 to 64 letters, digits and hyphens, and the sidecar must not set or remove it"
            ),
        );
        return None;
    }
    Some(lower)
}

fn is_name(name: &str, separator: u8) -> bool {
    (1..=64).contains(&name.len())
        && name.bytes().all(|c| c.is_ascii_alphanumeric() || c == separator)
}

fn cookie(name: &str, at: &str, faults: &mut Faults) -> Option<String> {
    let valid = is_name(name, b'_');
    if !valid {
        faults.add(
            at,
            format!(
                "must not declare the cookie `{name}`: a name is 1 to 64 letters, digits and _"
            ),
        );
    }
    valid.then(|| name.to_owned())
}
