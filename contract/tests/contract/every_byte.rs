//! Every byte in every place of a request. Each error has the required form and a line in the log, and no log contains
//! secrets from the request.

use contract::connection::Connection;
use contract::http::Response;
use contract::keyed;
use contract::own_stack_only;
use contract::shape::faults;
use contract::stack::{KEY, Stack};
use std::collections::HashSet;

/// A text in the requests that no log line may contain.
const SECRET: &str = "do-not-log-me";
const KEYED: &str = "POST PATH?q=do-not-log-me HTTP/1.1\r\nHost: a\r\nX-Api-Key: KEY\r\n";
const CHUNKED_JSON: &str = "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";

/// The places of the byte, as requests or headers. `@` is the byte, `KEY` a valid key, and `PATH` the path of an
/// operation that takes a key.
const PLACES: [(&str, &str); 20] = [
    ("the query of a health check", "GET /healthz?q=do-not-log-me&x=a@b HTTP/1.1\r\nHost: a\r\n"),
    (
        "the query of a keyed operation",
        "POST PATH?q=do-not-log-me&x=a@b HTTP/1.1\r\nHost: a\r\nX-Api-Key: KEY\r\n",
    ),
    ("the query of the description", "GET /openapi.json?a@b HTTP/1.1\r\nHost: a\r\n"),
    ("the query of nothing", "GET /nothing?q=do-not-log-me&x=a@b HTTP/1.1\r\nHost: a\r\n"),
    ("the path", "GET /do-not-log-me/a@b?q=do-not-log-me HTTP/1.1\r\nHost: a\r\n"),
    ("the path behind a route", "GET /healthz@?q=do-not-log-me HTTP/1.1\r\nHost: a\r\n"),
    ("the method", "G@ET /healthz?q=do-not-log-me HTTP/1.1\r\nHost: a\r\n"),
    ("the version", "GET /healthz?q=do-not-log-me HTTP/1@1\r\nHost: a\r\n"),
    ("Host", "GET /healthz?q=do-not-log-me HTTP/1.1\r\nHost: a@b\r\n"),
    ("a header's name", "GET /healthz?q=do-not-log-me HTTP/1.1\r\nHost: a\r\nX-A@B: c\r\n"),
    ("User-Agent", "User-Agent: a@b\r\n"),
    ("Referer", "Referer: http://a/?do-not-log-me&@b\r\n"),
    ("Cookie", "Cookie: a=do-not-log-me@b\r\n"),
    ("Accept", "Accept: a@b\r\n"),
    ("X-Request-Id", "X-Request-Id: a@b\r\n"),
    ("X-Amzn-Trace-Id", "X-Amzn-Trace-Id: Root=a@b\r\n"),
    ("traceparent", "traceparent: 00-a@b\r\n"),
    ("X-Forwarded-For", "X-Forwarded-For: 10.0.0.1@b\r\n"),
    ("Content-Type", "Content-Type: application/json; a=b@c\r\n"),
    ("X-Api-Client", "X-Api-Client: a@b\r\n"),
];

/// The bytes of a request.
fn filled(text: &str) -> Vec<u8> {
    text.replace("KEY", KEY).replace("PATH", &keyed::path()).into_bytes()
}

/// The request of a place with one byte in it. A place that is only a header is added to a request with a key.
fn request(place: &str, byte: u8) -> Vec<u8> {
    let header = !place.contains("HTTP/1");
    let text = if header { format!("{KEYED}{place}") } else { place.to_owned() };
    let typed = text.contains("Content-Type") || !text.starts_with("POST");
    let content_type = if typed { "" } else { "Content-Type: application/json\r\n" };
    let body = if text.starts_with("POST") { keyed::body() } else { String::new() };
    let text = format!(
        "{text}{content_type}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let (before, after) = text.split_once('@').expect("a place has an @");
    [filled(before), vec![byte], filled(after)].concat()
}

/// Whether RFC 3986 (section 3.4) allows the byte in a query.
fn is_query(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?%".contains(&byte)
}

/// The expected status, if a rule determines it. Otherwise only the form of the response is checked.
fn status(place: &str, byte: u8) -> Option<u16> {
    // Other tests cover bytes that end or split the line.
    if [b'\0', b'\r', b'\n', b' ', b'#'].contains(&byte) {
        return None;
    }
    match place {
        "the query of a health check" | "the query of the description" => {
            Some(if is_query(byte) { 200 } else { 400 })
        }
        "the query of a keyed operation" => {
            Some(if is_query(byte) { keyed::call().status } else { 400 })
        }
        "the query of nothing" => Some(if is_query(byte) { 404 } else { 400 }),
        // The port in "a:b" is not a number, "a%b" is not a valid escape, and nginx rejects tabs and slashes.
        "Host" => {
            let valid = byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(&byte);
            Some(if valid { 200 } else { 400 })
        }
        "User-Agent" | "Referer" | "Cookie" | "Accept" | "X-Request-Id" | "X-Amzn-Trace-Id"
        | "traceparent" | "X-Forwarded-For" | "X-Api-Client" => Some(keyed::call().status),
        _ => None,
    }
}

fn ask(stack: &Stack, bytes: &[u8]) -> Option<Response> {
    let mut connection: Connection = stack.sidecar.connect();
    connection.send(bytes).expect("sent");
    match connection.receive() {
        Ok(answer) => answer,
        // HTTP/0.9 has no head. nginx answers with only the body.
        Err(error) if error.to_string().contains(": \"{") => None,
        Err(error) => panic!("{error} after {:?}", String::from_utf8_lossy(bytes)),
    }
}

/// The faults of a line of either log.
fn line_faults(line: &str) -> Vec<String> {
    let mut faults = Vec::new();
    // `Log` replaces invalid UTF-8 with this character.
    if line.contains('\u{fffd}') {
        faults.push("not UTF-8".into());
    }
    if line.chars().any(char::is_control) {
        faults.push("a control character".into());
    }
    for secret in [SECRET, KEY] {
        if line.contains(secret) {
            faults.push(format!("it contains {secret}"));
        }
    }
    if faults.is_empty() { faults } else { vec![format!("{faults:?} in {line:?}")] }
}

/// Fails unless every line of both logs is clean and the sidecar has written only its access log.
#[track_caller]
fn assert_clean_logs(stack: &Stack) {
    assert_eq!(stack.sidecar.process.finish(), 0);
    assert_eq!(stack.api.process.finish(), 0);
    for log in [&stack.sidecar.process.log, &stack.api.process.log] {
        let lines: Vec<String> = log.text().lines().map(str::to_owned).collect();
        assert!(lines.len() > 2, "the log has {} lines", lines.len());
        let faults: Vec<String> = lines.iter().flat_map(|line| line_faults(line)).collect();
        assert!(faults.is_empty(), "{} lines, the first: {:#?}", faults.len(), &faults[..1]);
        let _ = log.events();
    }
    let errors = stack.sidecar.process.log.lines(contract::log::Stream::Err);
    assert_eq!(errors, Vec::<String>::new());
}

#[test]
fn every_byte_in_every_place_gets_a_valid_response_and_a_log_line() {
    own_stack_only!("every_byte_in_every_place_gets_a_valid_response_and_a_log_line");
    let stack = Stack::start();
    let (mut wrong, mut ids) = (Vec::new(), HashSet::new());
    for (place, text) in PLACES {
        for byte in 0..=255_u8 {
            let answer = ask(&stack, &request(text, byte));
            let mut faults = answer.as_ref().map_or(vec![], |answer| faults(answer, false));
            if let Some(expected) = status(place, byte) {
                let found = answer.as_ref().map(|answer| answer.status);
                if found != Some(expected) {
                    faults.push(format!("{found:?} instead of {expected}"));
                }
            }
            match answer {
                // A successful health check has no line.
                Some(answer) if answer.status >= 400 => {
                    ids.insert(answer.request_id().to_owned());
                }
                Some(_) => {}
                // A line feed in the request line makes it HTTP/0.9, which has no status.
                None if byte == b'\n' || place == "the version" => {}
                None => faults.push("closed without an answer".into()),
            }
            if !faults.is_empty() {
                wrong.push(format!("byte {byte:#04x} in {place}: {faults:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} fail: {:#?}", wrong.len(), &wrong[..wrong.len().min(20)]);
    assert!(ids.len() > 800, "only {} errors", ids.len());
    assert_clean_logs(&stack);
    let logged: HashSet<String> = stack
        .sidecar
        .process
        .log
        .events()
        .iter()
        .filter_map(|line| line["request_id"].as_str().map(str::to_owned))
        .collect();
    let missing: Vec<&String> = ids.difference(&logged).collect();
    assert!(missing.is_empty(), "{} errors have no line: {:?}", missing.len(), missing.first());
}

/// Without configuration, nginx logs these errors to its error log, with the unescaped request line and Referer.
#[test]
fn failed_request_has_one_clean_line() {
    own_stack_only!("failed_request_has_one_clean_line");
    let hostile = b"Referer: \x1b]0;owned\x07\xff do-not-log-me\r\nUser-Agent: \x1b[31m\xff\r\n";
    let head =
        |line: &str, more: &str| [&filled(line), hostile.as_slice(), more.as_bytes()].concat();
    let health = "POST /healthz?key=do-not-log-me HTTP/1.1\r\nHost: a\r\n";
    let over = keyed::over_max_body();
    let cases = [
        (head(health, "Transfer-Encoding: chunked\r\n\r\nzz"), 400),
        (head(health, "Transfer-Encoding: chunked\r\n\r\n1\r\nxzz"), 400),
        (head(KEYED, &format!("{CHUNKED_JSON}zz")), 400),
        // The method is checked before the size.
        (head(health, &format!("Content-Length: {over}\r\n\r\n")), 405),
        (head(KEYED, &format!("Content-Length: {over}\r\n\r\n")), 413),
        (head(KEYED, &format!("{CHUNKED_JSON}{over:x}\r\n{}", "x".repeat(over))), 413),
        (head(health, "Content-Length: x\r\n\r\n"), 400),
        (head(health, "Transfer-Encoding: gzip\r\n\r\n"), 501),
        (head("TRACE /nothing?q=do-not-log-me HTTP/1.1\r\nHost: a\r\n", "\r\n"), 404),
        (head("GET /do-not-log-me?q=do-not-log-me HTTP/1.1\r\nHost: a\r\n", "\r\n"), 404),
        (head("GET /%zz?q=do-not-log-me HTTP/1.1\r\nHost: a\r\n", "\r\n"), 400),
        (head("GET /healthz?q=do-not-log-me HTTP/1.1\r\nHost: a/b\r\n", "\r\n"), 400),
        (head("GET /healthz?q=do-not-log-me HTTP/2.0\r\nHost: a\r\n", "\r\n"), 505),
    ];
    let stack = Stack::start();
    let check = |bytes: &[u8], status: u16| {
        let answer = ask(&stack, bytes).expect("answered").expect_status(status);
        let faults = faults(&answer, false);
        assert!(faults.is_empty(), "{faults:?}");
        let lines = stack.sidecar.process.log.of_request(answer.request_id());
        assert_eq!((lines.len(), &lines[0]["status"]), (1, &status.into()));
        lines[0]["cause"].clone()
    };
    for (bytes, status) in &cases {
        assert_eq!(check(bytes, *status), "");
    }
    assert_eq!(stack.api.process.finish(), 0);
    let gone = head(KEYED, "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}");
    assert_eq!(check(&gone, 502), "cannot connect to the API");
    assert_clean_logs(&stack);
}

#[test]
fn key_in_any_place_of_a_request_is_never_logged() {
    own_stack_only!("key_in_any_place_of_a_request_is_never_logged");
    let stack = Stack::start();
    for (place, text) in PLACES {
        // Other bytes surround the valid key, so only a search inside the value finds it.
        let (before, after) = text.split_once('@').expect("a place has an @");
        let bytes = request(&format!("{before}{KEY}@{after}"), b'-');
        assert!(String::from_utf8_lossy(&bytes).contains(KEY));
        let answer = ask(&stack, &bytes);
        assert!(answer.is_none_or(|answer| answer.request_id() != format!("a{KEY}-b")), "{place}");
    }
    assert_clean_logs(&stack);
}
