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
    let text = if is_file(response) { String::new() } else { response.text() };
    let everything = format!("{:?} {text}", response.headers).to_ascii_lowercase();
    for forbidden in PRODUCTS.into_iter().chain(["<html", "stack backtrace", "panicked"]) {
        // The OpenAPI document contains its own version.
        if everything.contains(forbidden) && !everything.contains("\"openapi\"") {
            faults.push(format!("{forbidden:?} leaks"));
        }
    }
    for (name, status, optional) in [
        ("WWW-Authenticate", 401, false),
        ("Allow", 405, false),
        ("RateLimit", 429, is_of_the_service(response)),
        ("Retry-After", 429, response.status == 503),
    ] {
        let there = !response.all(name).is_empty();
        if there != (response.status == status) && !optional {
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
            "errors" => response.status == 422 && are_errors(&problem[member]),
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
            let applied = response.all("RateLimit-Policy").join(", ");
            if !are_policies(policies, &applied) {
                fault(format!("violated-policies is {policies}, RateLimit-Policy {applied}"));
            }
        }
        (400 | 403 | 404 | 409 | 410 | 412 | 422 | 429, r#type) if is_own(r#type) => {}
        (422 | 429, r#type) => fault(format!("type is {type}")),
        (status, "about:blank") if Some(text("title")) == phrase(status) => {}
        (status, r#type) => {
            fault(format!("type is {type}, title {:?} for {status}", text("title")));
        }
    }
    faults
}

/// Whether the response is a file, such as a page or a script: a success with a declared media type that is neither JSON
/// nor a stream. Its text is that of the service.
fn is_file(response: &Response) -> bool {
    let sent = response.header("Content-Type").unwrap_or_default();
    (200..300).contains(&response.status)
        && !["application/json", "text/event-stream"].contains(&sent)
        && service::found().iter().any(|it| it.declares_media_type(response.status, sent))
}

/// Whether the response is a 429 with a type of the service, such as too many failed logins. Its limit has no policy.
fn is_of_the_service(response: &Response) -> bool {
    let problem: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    response.status == 429 && is_own(problem["type"].as_str().unwrap_or_default())
}

/// Whether the list of a 422 has at least one error. An error has a text and a member or a parameter of the request. The
/// pointer of the whole body is empty, and the name of a parameter can be empty.
fn are_errors(errors: &Value) -> bool {
    let is_error = |error: &Value| {
        let Some(error) = error.as_object() else { return false };
        let text = |name: &str| error.get(name).and_then(Value::as_str);
        let is_placed = text("pointer").or(text("parameter")).is_some();
        error.len() == 2 && is_placed && text("detail").is_some_and(|detail| !detail.is_empty())
    };
    errors.as_array().is_some_and(|errors| !errors.is_empty() && errors.iter().all(is_error))
}

/// Whether the violated policies are policies of the response, in this order. `RateLimit-Policy` is a list, because a
/// service can have a limit in addition to that of the sidecar.
fn are_policies(violated: &Value, applied: &str) -> bool {
    let name =
        |policy: &'_ str| Some(policy.trim().strip_prefix('"')?.split_once('"')?.0.to_owned());
    let Some(mut applied) = applied.split(',').map(name).collect::<Option<Vec<_>>>() else {
        return false;
    };
    applied
        .retain(|name| violated.as_array().is_some_and(|all| all.contains(&name.as_str().into())));
    !applied.is_empty() && *violated == Value::from(applied)
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
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        412 => "Precondition Failed",
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

#[cfg(test)]
mod tests {
    use super::{are_errors, are_policies, faults};
    use crate::http::Response;
    use serde_json::{Value, json};

    #[test]
    fn errors_have_exactly_two_texts() {
        for (errors, expected) in [
            (json!([{"detail": "too long", "pointer": "/name"}]), true),
            (
                json!([{"detail": "unknown", "parameter": "q"}, {"detail": "a", "pointer": "/b"}]),
                true,
            ),
            (json!([]), false),
            (json!({}), false),
            (json!(["too long"]), false),
            (json!([{"detail": "too long"}]), false),
            (json!([{"detail": "", "pointer": "/name"}]), false),
            (json!([{"detail": "no object", "pointer": ""}]), true),
            (json!([{"detail": "unknown", "parameter": ""}]), true),
            (json!([{"detail": "too long", "pointer": 1}]), false),
            (json!([{"pointer": "/name", "parameter": "q"}]), false),
            (json!([{"detail": "too long", "pointer": "/name", "parameter": "q"}]), false),
            (json!([{"detail": "too long", "pointer": "/name"}, {"detail": "too long"}]), false),
        ] {
            assert_eq!(are_errors(&errors), expected, "{errors}");
        }
    }

    #[test]
    fn violated_policies_are_in_the_list() {
        for (violated, applied, expected) in [
            (json!(["client"]), "\"client\";q=5;w=1", true),
            (json!(["user"]), "\"address\";q=5;w=1, \"user\";q=20;w=2", true),
            (json!(["address", "user"]), "\"address\";q=5;w=1, \"user\";q=20;w=2", true),
            (json!(["user", "address"]), "\"address\";q=5;w=1, \"user\";q=20;w=2", false),
            (json!(["other"]), "\"client\";q=5;w=1", false),
            (json!(["client", "other"]), "\"client\";q=5;w=1", false),
            (json!(["client"]), "", false),
            (json!([]), "\"client\";q=5;w=1", false),
            (json!(null), "\"client\";q=5;w=1", false),
        ] {
            assert_eq!(are_policies(&violated, applied), expected, "{violated} {applied}");
        }
    }

    fn problem(status: u16, title: &str, r#type: &str, more: (&str, Value)) -> Response {
        let mut body = json!({"type": r#type, "title": title, "status": status, "detail": "d", "request_id": "r"});
        body[more.0] = more.1;
        let headers = [("Content-Type", "application/problem+json"), ("X-Request-Id", "r")];
        let headers = headers.map(|(name, value)| (name.into(), value.into())).into();
        Response { status, headers, body: body.to_string().into() }
    }

    #[test]
    fn errors_are_only_for_422_and_own_429_needs_no_rate() {
        let one = || json!([{"detail": "d", "parameter": "q"}]);
        let of =
            |status| problem(status, "Bad Request", "urn:parcels:problem:a", ("errors", one()));
        assert_eq!(faults(&of(422), false), Vec::<String>::new());
        assert_eq!(faults(&of(409), false), ["unexpected member errors"]);
        let mut refused = problem(429, "A", "urn:parcels:problem:a", ("detail", json!("d")));
        assert_eq!(faults(&refused, false), ["Retry-After is missing with a 429"]);
        refused.headers.push(("Retry-After".into(), "9".into()));
        assert_eq!(faults(&refused, false), Vec::<String>::new());
        refused = problem(429, "A", "urn:nobody:problem:a", ("detail", json!("d")));
        assert_eq!(faults(&refused, false).len(), 3, "the rate, the time and the type");
    }
}
