//! The required form of every response. All tests check every response with this module.

use crate::http::Response;
use crate::service;
use serde_json::Value;

/// The headers that any response can have, in lower case. The document of a service declares further headers. All
/// others are forbidden, because they disclose details about the servers.
const HEADERS: &[&str] = &[
    "allow",
    "cache-control",
    "connection",
    "content-length",
    "content-type",
    "date",
    "keep-alive",
    "ratelimit",
    "ratelimit-policy",
    "retry-after",
    "server",
    "transfer-encoding",
    "www-authenticate",
    "x-request-id",
];
const MEMBERS: [&str; 5] = ["type", "title", "status", "detail", "request_id"];
const QUOTA: &str = "https://iana.org/assignments/http-problem-types#quota-exceeded";
/// Product names that disclose the software or its version.
const PRODUCTS: [&str; 4] = ["nginx/", "hyper/", "openresty/", "debian"];

/// The faults of a response: of its headers, and of its problem details if it is an error.
#[must_use]
pub fn faults(response: &Response, is_head: bool) -> Vec<String> {
    let mut faults = Vec::new();
    for (name, value) in &response.headers {
        let own = || service::found().iter().any(|it| it.declares_header(response.status, name));
        if !HEADERS.contains(&name.to_ascii_lowercase().as_str()) && !own() {
            faults.push(format!("unexpected header {name}: {value}"));
        }
        if response.all(name).len() > 1 {
            faults.push(format!("header {name} twice"));
        }
    }
    if response.all("Server").iter().any(|server| *server != "nginx") {
        faults.push(format!("Server is {:?}", response.all("Server")));
    }
    match response.all("X-Request-Id").as_slice() {
        [id] if is_request_id(id) => {}
        other => faults.push(format!("X-Request-Id is {other:?}")),
    }
    let everything = format!("{:?} {}", response.headers, response.text()).to_ascii_lowercase();
    for forbidden in PRODUCTS.into_iter().chain(["<html", "stack backtrace", "panicked"]) {
        // The OpenAPI document contains its own version.
        if everything.contains(forbidden) && !everything.contains("\"openapi\"") {
            faults.push(format!("{forbidden:?} leaks"));
        }
    }
    for (name, status) in
        [("WWW-Authenticate", 401), ("Allow", 405), ("RateLimit", 429), ("Retry-After", 429)]
    {
        let there = !response.all(name).is_empty();
        if there != (response.status == status) {
            faults.push(format!(
                "{name} is {} with a {}",
                if there { "present" } else { "missing" },
                response.status
            ));
        }
    }
    if response.status == 408 && !response.closes() {
        faults.push("the connection stays open after a 408".into());
    }
    let health = response.status == 503 && response.all("Content-Type") == ["application/json"];
    if response.status >= 400 && !is_head && !health {
        faults.extend(problem_faults(response));
    }
    faults
}

/// Fails the test if the response has a fault.
#[track_caller]
pub fn check(response: &Response) {
    let faults = faults(response, false);
    assert!(faults.is_empty(), "{faults:?} in {response:?}, body {}", response.text());
}

/// Fails the test unless the response is a problem of this status and type.
#[track_caller]
pub fn check_problem(response: &Response, status: u16, r#type: &str) {
    check(response);
    assert_eq!(response.status, status, "{}", response.text());
    assert_eq!(response.json()["type"], r#type, "{}", response.text());
}

fn problem_faults(response: &Response) -> Vec<String> {
    let mut faults = Vec::new();
    let mut fault = |text: String| faults.push(text);
    if response.all("Content-Type") != ["application/problem+json"] {
        fault(format!("Content-Type is {:?}", response.all("Content-Type")));
    }
    let Ok(Value::Object(problem)) = serde_json::from_slice(&response.body) else {
        fault(format!("the body is not a JSON object: {:?}", response.text()));
        return faults;
    };
    for member in MEMBERS {
        if !problem.contains_key(member) {
            fault(format!("no {member}"));
        }
    }
    for member in problem.keys() {
        let extension = match member.as_str() {
            "violated-policies" => response.status == 429,
            "errors" => [400, 422].contains(&response.status),
            _ => false,
        };
        if !MEMBERS.contains(&member.as_str()) && !extension {
            fault(format!("unexpected member {member}"));
        }
    }
    if problem.get("status").and_then(Value::as_u64) != Some(response.status.into()) {
        fault(format!("status is {:?}", problem.get("status")));
    }
    let text = |member: &str| problem.get(member).and_then(Value::as_str).unwrap_or_default();
    if response.all("X-Request-Id") != [text("request_id")] {
        fault(format!("request_id {:?} differs from the header", text("request_id")));
    }
    if text("title").is_empty() || text("detail").is_empty() {
        fault("title or detail is empty".into());
    }
    match (response.status, text("type")) {
        (429, QUOTA) => {
            let policies = problem.get("violated-policies").unwrap_or(&Value::Null);
            let applied = response.header("RateLimit-Policy").unwrap_or_default();
            let name = applied.strip_prefix('"').and_then(|rest| rest.split('"').next());
            if name.is_none() || *policies != Value::from(name.map(|name| vec![name])) {
                fault(format!("violated-policies is {policies}, RateLimit-Policy {applied}"));
            }
        }
        (400 | 403 | 404 | 409 | 410 | 412 | 422, r#type) if is_own(r#type) => {}
        (422 | 429, r#type) => fault(format!("type is {type}")),
        (status, "about:blank") if Some(text("title")) == phrase(status) => {}
        (status, r#type) => {
            fault(format!("type is {type}, title {:?} for {status}", text("title")));
        }
    }
    faults
}

/// Whether the type is a problem type of a service of the repository.
fn is_own(r#type: &str) -> bool {
    let own = r#type.strip_prefix("urn:").and_then(|rest| rest.split_once(":problem:"));
    own.is_some_and(|(name, slug)| {
        !slug.is_empty() && service::found().iter().any(|service| service.name() == name)
    })
}

fn is_request_id(id: &str) -> bool {
    (1..=128).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// The reason phrase of a status of the contract (RFC 9110, section 15; RFC 6585, section 5).
fn phrase(status: u16) -> Option<&'static str> {
    Some(match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        417 => "Expectation Failed",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        _ => return None,
    })
}
