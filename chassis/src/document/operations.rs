//! Reads operations and checks their rules.

use super::BALANCER_IDLE;
use super::examples;
use super::operation::{Access, Deadline, Limited, Method, Operation, Probe};
use super::parameters;
use super::path::Template;
use super::reader::{Faults, NGINX_WORDS, Node};
use super::service;
use serde_json::Value;
use std::time::Duration;

/// The members of a path item and of an operation (OpenAPI 3.1.1, sections 4.8.9 and 4.8.10), and the platform's own.
const ITEM_MEMBERS: &[&str] = &[
    "summary",
    "description",
    "parameters",
    "get",
    "put",
    "post",
    "delete",
    "options",
    "head",
    "patch",
    "trace",
];
const MEMBERS: &[&str] = &[
    "tags",
    "summary",
    "description",
    "externalDocs",
    "operationId",
    "parameters",
    "requestBody",
    "responses",
    "callbacks",
    "deprecated",
    "security",
    "servers",
    "x-limit",
    "x-max-body",
    "x-deadline",
    "x-stream",
    "x-probe",
    "x-objectives",
];
const DEFAULT_BODY: u64 = 4096;
const LARGEST_BODY: u64 = 10 * 1024 * 1024;
const DEFAULT_DEADLINE: Duration = Duration::from_secs(5);

/// Reads all operations.
pub(super) fn read(root: &Node<'_>, faults: &mut Faults) -> Vec<Operation> {
    let mut operations: Vec<Operation> = Vec::new();
    let Some(paths) = root.member("paths").filter(|paths| paths.members().next().is_some()) else {
        faults.add(&root.at_member("paths"), "must have at least one path");
        return operations;
    };
    for (path, item) in paths.members() {
        let template = Template::parse(path);
        if template.is_none() {
            faults.add(
                &item.at,
                "must be a path of segments of A-Z a-z 0-9 . _ ~ - that do not begin with _, or {parameter}",
            );
        }
        item.known_members(ITEM_MEMBERS, faults);
        for (name, node) in item.members() {
            if ["options", "trace"].contains(&name) {
                faults.add(&node.at, "is refused for every path, so no operation can have it");
            }
            let Some(method) = Method::from_member(name) else { continue };
            let Some(path) = template.clone() else { continue };
            if let Some(operation) = operation(root, &item, &node, path, method, faults) {
                if operations.iter().any(|known| known.id.eq_ignore_ascii_case(&operation.id)) {
                    faults.add(
                        &node.at_member("operationId"),
                        "must be unique; upper and lower case count as equal",
                    );
                }
                operations.push(operation);
            }
        }
    }
    operations
}

fn operation(
    root: &Node<'_>,
    item: &Node<'_>,
    node: &Node<'_>,
    path: Template,
    method: Method,
    faults: &mut Faults,
) -> Option<Operation> {
    node.known_members(MEMBERS, faults);
    let id = id(node, faults);
    let access = access(root, node, faults);
    let probe = node.member("x-probe").and_then(|node| probe(&node, faults));
    let limit = limit(root, node, probe.as_ref(), faults);
    let max_body = max_body(node, faults);
    let deadline = deadline(node, faults);
    let parameters = parameters::read(root, [item, node], faults);
    if probe.is_some() && access.is_some_and(|access| access != Access::Open) {
        faults.add(&node.at_member("security"), "must be [] for a probe: it needs no credentials");
    }
    if probe.is_some() && ![Method::Get, Method::Head].contains(&method) {
        faults.add(&node.at_member("x-probe"), "must be on a GET or HEAD");
    }
    Some(Operation {
        id: id?,
        path,
        method,
        access: access?,
        limit: limit?,
        max_body: max_body?,
        media_types: media_types(root, node, faults),
        deadline: deadline?,
        probe,
        objectives: node.member("x-objectives").and_then(|node| service::objectives(&node, faults)),
        headers: parameters.headers,
        cookies: parameters.cookies,
        examples: examples::read(root, node, faults),
    })
}

fn id(node: &Node<'_>, faults: &mut Faults) -> Option<String> {
    let id = node.member("operationId").and_then(|id| id.value.as_str()).filter(|id| {
        (1..=40).contains(&id.len())
            && id.starts_with(|c: char| c.is_ascii_lowercase())
            && id.bytes().all(|c| c.is_ascii_alphanumeric())
            && !NGINX_WORDS.contains(id)
    });
    if id.is_none() {
        faults.add(
            &node.at_member("operationId"),
            "must be 1 to 40 letters and digits that begin with a lower-case letter, and no reserved word of nginx (default, hostnames, include, volatile)",
        );
    }
    id.map(str::to_owned)
}

/// The one scheme of the operation, or of the root if the operation has none.
fn access(root: &Node<'_>, node: &Node<'_>, faults: &mut Faults) -> Option<Access> {
    let Some(security) = node.member("security").or_else(|| root.member("security")) else {
        faults.add(
            &node.at_member("security"),
            "is missing here and in the root; an open operation must have []",
        );
        return None;
    };
    let requirements = security.value.as_array();
    match requirements.map(Vec::as_slice) {
        Some([]) => return Some(Access::Open),
        Some([Value::Object(schemes)]) if schemes.len() == 1 => {
            let name = schemes.keys().next()?;
            let scheme = root.member("components")?.member("securitySchemes")?.member(name);
            let text = |member: &str| scheme.as_ref()?.member(member)?.value.as_str();
            match (text("type"), text("in"), text("name"), text("scheme")) {
                (Some("apiKey"), Some("header"), Some("X-Api-Key"), _) => {
                    return Some(Access::ApiKey);
                }
                (Some("http"), _, _, Some("bearer")) => return Some(Access::Bearer),
                _ => {}
            }
        }
        _ => {}
    }
    faults.add(
        &security.at,
        "must be [] or one requirement with one scheme: an apiKey in the header X-Api-Key, or http bearer",
    );
    None
}

fn limit(
    root: &Node<'_>,
    node: &Node<'_>,
    probe: Option<&Probe>,
    faults: &mut Faults,
) -> Option<Limited> {
    let Some(node) = node.member("x-limit") else {
        return Some(if probe.is_some() { Limited::Never } else { Limited::ByCredentials });
    };
    if probe.is_some() {
        faults.add(&node.at, "must not be on a probe: a probe has no limit");
    }
    match node.text(faults)? {
        "none" => Some(Limited::Never),
        name => {
            if !service::declares_limit(root, name) {
                faults.add(&node.at, "must be `none` or a limit that x-service declares");
            }
            Some(Limited::By(name.into()))
        }
    }
}

#[expect(clippy::option_option, reason = "no body, or a fault")]
fn max_body(node: &Node<'_>, faults: &mut Faults) -> Option<Option<u64>> {
    let takes_body = node.member("requestBody").is_some();
    match node.member("x-max-body") {
        Some(node) if !takes_body => {
            faults.add(&node.at, "is allowed only beside a requestBody");
            None
        }
        Some(node) => node.whole(1..=LARGEST_BODY, faults).map(Some),
        None => Some(takes_body.then_some(DEFAULT_BODY)),
    }
}

/// The media types of the body.
fn media_types(root: &Node<'_>, node: &Node<'_>, faults: &mut Faults) -> Vec<String> {
    let Some(body) = node.member("requestBody") else {
        return Vec::new();
    };
    let body = Node { value: examples::resolved(root, body.value), at: body.at };
    let content = body
        .member("content")
        .map(|content| content.members().map(|(name, _)| name.to_owned()).collect::<Vec<_>>());
    let types = content.unwrap_or_default();
    if types.is_empty() {
        faults.add(&body.at_member("content"), "must have at least one media type");
    }
    types
}

fn deadline(node: &Node<'_>, faults: &mut Faults) -> Option<Deadline> {
    match (node.member("x-deadline"), node.member("x-stream")) {
        (Some(deadline), Some(_)) => {
            faults.add(&deadline.at, "is not allowed beside x-stream");
            None
        }
        (Some(node), None) => node.duration(BALANCER_IDLE, faults).map(Deadline::Head),
        (None, Some(node)) => {
            node.known_members(&["idle"], faults);
            let Some(idle) = node.member("idle") else {
                faults.add(
                    &node.at_member("idle"),
                    "is missing; it is the longest pause, such as \"30s\"",
                );
                return None;
            };
            idle.duration(BALANCER_IDLE, faults).map(Deadline::Idle)
        }
        (None, None) => Some(Deadline::Head(DEFAULT_DEADLINE)),
    }
}

fn probe(node: &Node<'_>, faults: &mut Faults) -> Option<Probe> {
    match node.value {
        Value::String(kind) if kind == "live" => return Some(Probe::Live),
        Value::String(kind) if kind == "ready" => return Some(Probe::Ready(None)),
        Value::Object(_) => {
            node.known_members(&["kind", "balancer_query"], faults);
            let text = |member: &str| node.member(member).and_then(|node| node.value.as_str());
            let query = text("balancer_query");
            let valid = query.is_some_and(|query| {
                !query.is_empty()
                    && query.len() <= 64
                    && query.bytes().all(|c| c.is_ascii_alphanumeric() || b"=&._-".contains(&c))
            });
            if text("kind") == Some("ready") && valid {
                return Some(Probe::Ready(query.map(str::to_owned)));
            }
        }
        _ => {}
    }
    faults.add(
        &node.at,
        "must be \"live\", \"ready\" or {\"kind\": \"ready\", \"balancer_query\": \"name=value\"}",
    );
    None
}
