//! Paths and operations: their credentials, limits and timeouts.

use super::LimitView;
use crate::pattern;
use chassis::document::{Access, Deadline, Document, Limited, Method, Operation, Template};
use minijinja::Value;
use serde::Serialize;
use std::time::Duration;

/// The time that the sidecar waits longer than the service, so that the service answers first.
const MARGIN: Duration = Duration::from_secs(1);
/// The time that a stream may pause longer than in its document, before the sidecar closes it.
const STREAM_MARGIN: Duration = Duration::from_secs(5);
/// The timeout for a body that the template sets for all operations.
const BODY_TIMEOUT: Duration = Duration::from_secs(6);

/// A path of the document.
#[derive(Debug, Clone, Serialize)]
pub(super) struct PathView {
    name: Value,
    pattern: Value,
    access: &'static str,
    policy: Option<String>,
    allow: String,
}

/// An operation of the document.
#[derive(Debug, Serialize)]
pub(super) struct OperationView {
    id: String,
    path: Value,
    methods: Vec<&'static str>,
    methods_text: String,
    access: &'static str,
    policy: Option<String>,
    limits: Vec<LimitView>,
    max_body: Option<u64>,
    body_timeout: Option<String>,
    refuses_body: bool,
    too_large: Option<String>,
    read_timeout: String,
    streams: bool,
    probe: bool,
}

impl PathView {
    /// A method that the path does not declare needs the strictest credentials of the path, and counts like the path's
    /// first operation.
    pub(super) fn new(path: &Template, operations: &[&Operation], limits: &[LimitView]) -> Self {
        let declared = |method| operations.iter().any(|operation| operation.method == method);
        let allowed = |method: &Method| {
            declared(*method) || (*method == Method::Head && declared(Method::Get))
        };
        let allow: Vec<&str> =
            Method::ALL.into_iter().filter(allowed).map(Method::as_str).collect();
        let strictest = operations.iter().map(|operation| operation.access).max();
        let access = strictest.unwrap_or(Access::ApiKey);
        let first = operations.first().map_or(&Limited::ByCredentials, |first| &first.limit);
        Self {
            name: safe(path.to_string()),
            pattern: safe(pattern::path(path)),
            access: access_name(access),
            policy: Counted::new(first, access, limits).policy,
            allow: allow.join(", "),
        }
    }
}

impl OperationView {
    pub(super) fn new(declared: &Operation, document: &Document, limits: &[LimitView]) -> Self {
        let methods = methods(declared, document);
        let reads = [Method::Get, Method::Head].contains(&declared.method);
        let counted = Counted::new(&declared.limit, declared.access, limits);
        let body_timeout = declared.body_timeout() + MARGIN;
        let (read_timeout, streams) = match declared.deadline {
            Deadline::Head(deadline) => (deadline + MARGIN, false),
            Deadline::Idle(idle) => (idle + STREAM_MARGIN, true),
        };
        Self {
            id: declared.id.clone(),
            path: safe(declared.path.to_string()),
            methods_text: methods.join(", "),
            methods,
            access: access_name(declared.access),
            policy: counted.policy,
            limits: counted.limits,
            max_body: declared.max_body,
            body_timeout: (body_timeout != BODY_TIMEOUT).then(|| time(body_timeout)),
            refuses_body: !reads && declared.max_body.is_none(),
            too_large: match declared.max_body {
                Some(bytes) => Some(format!("The body is larger than {bytes} bytes.")),
                None => (!reads).then(|| "This operation takes no body.".into()),
            },
            read_timeout: time(read_timeout),
            streams,
            probe: declared.probe.is_some(),
        }
    }
}

/// The limits that count a request.
struct Counted {
    /// The name of the limit. Empty if none counts. `None` if it depends on the request: the limit `client` for a
    /// request with a key, otherwise `address`.
    policy: Option<String>,
    /// The limits that can count it.
    limits: Vec<LimitView>,
}

impl Counted {
    fn new(limited: &Limited, access: Access, limits: &[LimitView]) -> Self {
        let has_key = access == Access::ApiKey;
        let (policy, names) = match limited {
            Limited::Never => (Some(""), vec![]),
            Limited::ByCredentials if has_key => (None, vec!["client"]),
            Limited::ByCredentials => (None, vec!["client", "address"]),
            // A request without a key has no client.
            Limited::By(name) if name == "client" && !has_key => (None, vec!["client", "address"]),
            Limited::By(name) => (Some(name.as_str()), vec![name.as_str()]),
        };
        let find = |name: &&str| limits.iter().find(|limit| limit.name == *name).cloned();
        Self { policy: policy.map(str::to_owned), limits: names.iter().filter_map(find).collect() }
    }
}

/// GET includes HEAD, unless the path declares HEAD itself.
fn methods(declared: &Operation, document: &Document) -> Vec<&'static str> {
    let declares_head = document
        .operations
        .iter()
        .any(|other| other.path == declared.path && other.method == Method::Head);
    match declared.method {
        Method::Get if !declares_head => vec![Method::Get.as_str(), Method::Head.as_str()],
        method => vec![method.as_str()],
    }
}

/// Text that is written without a check: a parsed template, or its pattern.
fn safe(text: String) -> Value {
    Value::from_safe_string(text)
}

fn access_name(access: Access) -> &'static str {
    match access {
        Access::Open => "open",
        Access::Bearer => "bearer",
        Access::ApiKey => "key",
    }
}

/// A time in nginx's syntax. Its smallest unit is a millisecond.
fn time(duration: Duration) -> String {
    match duration.as_millis() {
        whole if whole % 1000 == 0 => format!("{}s", whole / 1000),
        milliseconds => format!("{milliseconds}ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_written_in_largest_exact_unit() {
        let written = [1, 1000, 1800, 6000, 59_999].map(|ms| time(Duration::from_millis(ms)));
        assert_eq!(written, ["1ms", "1s", "1800ms", "6s", "59999ms"]);
        assert_eq!(time(Duration::from_micros(1500)), "1ms");
    }
}
