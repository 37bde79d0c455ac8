//! The request that the service receives: the request line byte for byte, a fixed list of headers, and the headers that
//! its document declares. The sidecar of every service runs in front of a stub that records requests.

use super::{conclude, conclude_each, operations};
use chassis::document::{Access, Operation, Segment};
use contract::binary::nginx_version;
use contract::call::Call;
use contract::http::Request;
use contract::own_stack_only;
use contract::service::{self, Service};
use contract::stack::{KEY, Server, Stack};
use contract::stub::{Behavior, Stub};
use contract::values::Values;
use std::collections::BTreeSet;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
const TOKEN: &str = "Bearer abc.DEF-123_~+/==";
const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const OVERRIDES: [&str; 3] = ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"];

/// Whether nginx detects a second header with the same name. Only then the sidecar forwards a fixed list of headers.
fn lists_headers() -> bool {
    nginx_version() >= (1, 23, 0)
}

/// The sidecar of a service and its stub.
struct Recorded {
    service: &'static Service,
    sidecar: Server,
    stub: Stub,
}

impl Recorded {
    fn all() -> Vec<Self> {
        let start = |service| {
            let stub = Stub::start(Behavior::Say(OK));
            let sidecar = Stack::for_service(service).start_sidecar(stub.address);
            Self { service, sidecar, stub }
        };
        service::all().into_iter().map(start).collect()
    }

    fn call(&self, operation: &'static Operation) -> Call<'static> {
        Call::new(self.service, operation, &Values::invented(KEY))
    }

    /// The headers of the latest request, with names in lower case.
    fn headers(&self) -> Vec<(String, String)> {
        let head = self.stub.latest_head();
        let pairs = head.iter().filter_map(|line| line.split_once(": "));
        pairs.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect()
    }
}

#[test]
fn service_receives_the_matched_target_byte_for_byte() {
    own_stack_only!("service_receives_the_matched_target_byte_for_byte");
    let (mut count, mut wrong) = (0, Vec::new());
    for recorded in Recorded::all() {
        for operation in operations(recorded.service) {
            let call = recorded.call(operation);
            let path = &call.path;
            let mut targets: Vec<(String, String)> =
                ["", "?", "?a=%2F..%2f//&b=/../;", "?x=%00", "?=&&?/:@!$'()*+,;"]
                    .map(|query| (format!("{path}{query}"), format!("{path}{query}")))
                    .into();
            // The sidecar removes the authority of the absolute form, as RFC 9112 (section 3.2.2) requires of an
            // origin.
            targets.push((format!("http://example.com{path}?a=b"), format!("{path}?a=b")));
            if let Some(Segment::Parameter(_)) = operation.path.segments().last() {
                let parent = &path[..=path.rfind('/').expect("a path has a slash")];
                let longest = "x".repeat(64);
                let values = ["...", ".a", "A-z.0_9~", "_op", &longest];
                targets.extend(values.map(|it| (format!("{parent}{it}"), format!("{parent}{it}"))));
            }
            for (sent, expected) in targets {
                let answer = recorded.sidecar.ask(&call.request().target(&sent));
                let line = format!("{} {expected} HTTP/1.1", operation.method);
                let head = recorded.stub.latest_head();
                count += 1;
                if answer.status != 200 || head.first() != Some(&line) {
                    wrong.push(format!("{sent}: {} {:?}", answer.status, head.first()));
                }
            }
        }
    }
    conclude_each(147, 6, count, &wrong);
}

/// A request with all kinds of headers that a caller can send.
fn decorated(request: Request, declared: &[String]) -> Request {
    let request = [
        ("Accept", "application/json"),
        ("Accept-Language", "en"),
        ("Cookie", "session=secret; other=1"),
        ("X-Api-Client", "forged"),
        ("X-Client-Address", "203.0.113.1"),
        ("X-Request-Id", "id-1"),
        ("X-Unknown", "1"),
        ("Referer", "https://example.com/"),
        ("User-Agent", "agent/1"),
        ("traceparent", TRACE),
        ("X-Api-Key", KEY),
        ("Authorization", TOKEN),
    ]
    .into_iter()
    .fold(request, |request, (name, value)| request.without(name).header(name, value));
    let request = OVERRIDES.into_iter().fold(request, |it, name| it.header(name, "DELETE"));
    declared.iter().fold(request, |request, name| request.without(name).header(name, "\"v1\""))
}

/// The faults of the received headers of an operation.
fn header_faults(recorded: &Recorded, operation: &Operation, declared: &[String]) -> Vec<String> {
    let headers = recorded.headers();
    let find = |name: &str| -> Vec<&str> {
        let same = headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
        same.map(|(_, value)| value.as_str()).collect()
    };
    let only = |wanted: Access, value: &'static str| -> Vec<&'static str> {
        if operation.access == wanted { vec![value] } else { vec![] }
    };
    let knows_keys = recorded.service.requires(Access::ApiKey);
    let mut expected = vec![
        ("x-client-address", vec!["127.0.0.1"]),
        ("x-request-id", vec!["id-1"]),
        ("x-api-client", if knows_keys { vec!["acme"] } else { vec![] }),
        ("traceparent", vec![TRACE]),
        ("accept", vec!["application/json"]),
        ("accept-language", vec!["en"]),
        ("authorization", only(Access::Bearer, TOKEN)),
    ];
    expected.extend(OVERRIDES.map(|name| (name, vec![])));
    expected.extend(declared.iter().map(|name| (name.as_str(), vec!["\"v1\""])));
    if !recorded.service.document.operations.iter().any(|one| !one.cookies.is_empty()) {
        expected.push(("cookie", vec![]));
    }
    if lists_headers() {
        expected.push(("x-api-key", only(Access::ApiKey, KEY)));
        expected.extend(["x-unknown", "referer"].map(|name| (name, vec![])));
    }
    let mut wrong: Vec<String> = expected
        .into_iter()
        .filter(|(name, values)| find(name) != *values)
        .map(|(name, values)| format!("{name} is {:?} instead of {values:?}", find(name)))
        .collect();
    let names: BTreeSet<&String> = headers.iter().map(|(name, _)| name).collect();
    if names.len() != headers.len() {
        wrong.push(format!("a header occurs twice: {headers:?}"));
    }
    wrong
}

#[test]
fn service_receives_only_fixed_and_declared_headers() {
    own_stack_only!("service_receives_only_fixed_and_declared_headers");
    let (mut count, mut wrong) = (0, Vec::new());
    for recorded in Recorded::all() {
        let all = operations(recorded.service).iter();
        let declared: Vec<String> = all.flat_map(|one| one.headers.clone()).collect();
        for operation in operations(recorded.service) {
            let request = decorated(recorded.call(operation).bare(), &declared);
            let answer = recorded.sidecar.ask(&request);
            let mut found = header_faults(&recorded, operation, &declared);
            if answer.status != 200 {
                found.push(format!("{}", answer.status));
            }
            count += 1;
            wrong.extend(found.iter().map(|fault| format!("{}: {fault}", operation.id)));
        }
    }
    conclude_each(22, 1, count, &wrong);
}

#[test]
fn header_with_a_control_byte_does_not_reach_the_service() {
    own_stack_only!("header_with_a_control_byte_does_not_reach_the_service");
    let (mut count, mut wrong) = (0, Vec::new());
    for recorded in Recorded::all() {
        let operation = &operations(recorded.service)[0];
        let all = operations(recorded.service).iter();
        let declared: BTreeSet<String> = all.flat_map(|one| one.headers.clone()).collect();
        for byte in (1..0x20_u8).chain([0x7f]).filter(|byte| !b"\t\r\n".contains(byte)) {
            let value = format!("a{}b", char::from(byte));
            let request = recorded.call(operation).request().header("traceparent", &value);
            let request = declared.iter().fold(request, |it, name| it.header(name, &value));
            let answer = recorded.sidecar.ask(&request);
            let headers = recorded.headers();
            let trace = headers.iter().find(|(name, _)| name == "traceparent");
            let hidden = trace.is_some_and(|(_, value)| value == "(not ASCII)");
            let leaked = headers.iter().any(|(name, _)| declared.contains(name)) && lists_headers();
            count += 1;
            if answer.status != 200 || !hidden || leaked {
                wrong.push(format!("{} {byte:#04x}: {headers:?}", operation.id));
            }
        }
    }
    conclude(58, count, &wrong);
}
