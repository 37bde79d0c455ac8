//! What the service gets of a request's headers, and how a stream flows.

use super::{KEY, Parcels, TOKEN, quote, with_token};
use contract::binary::nginx_version;
use contract::connection::Connection;
use contract::http::Request;
use contract::own_stack_only;
use contract::stub::Manner;
use contract::wait;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// Whether nginx shows a second header of the same name; only then it passes on a list of headers.
fn lists_headers() -> bool {
    nginx_version() >= (1, 23, 0)
}

/// The headers of the latest request at the stub, names in lower case.
fn headers(parcels: &Parcels) -> Vec<(String, String)> {
    let head = parcels.stub.latest_head();
    head.iter()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect()
}

/// A request with everything that a caller might send.
fn decorated(request: Request) -> Request {
    [
        ("Accept", "application/json"),
        ("Accept-Language", "en"),
        ("Cookie", "session=secret; other=1"),
        ("X-HTTP-Method-Override", "DELETE"),
        ("X-HTTP-Method", "DELETE"),
        ("X-Method-Override", "DELETE"),
        ("X-Api-Client", "forged"),
        ("X-Client-Address", "203.0.113.1"),
        ("X-Request-Id", "id-1"),
        ("If-Match", "\"v1\""),
        ("X-Unknown", "1"),
        ("User-Agent", "agent/1"),
        ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    ]
    .into_iter()
    .fold(request, |request, (name, value)| request.header(name, value))
}

#[test]
fn the_service_gets_a_fixed_list_of_headers_and_what_its_document_declares() {
    own_stack_only!("the_service_gets_a_fixed_list_of_headers_and_what_its_document_declares");
    let parcels = Parcels::start();
    let both = |request: Request| request.header("X-Api-Key", KEY).header("Authorization", TOKEN);
    let quote = Request::new("POST", "/quote").header("Content-Type", "text/plain").body("{}");
    for (request, credentials) in [
        (both(quote), [("x-api-key", KEY), ("x-api-client", "acme")].as_slice()),
        (both(Request::get("/parcels")), &[("authorization", TOKEN), ("x-api-client", "acme")]),
        (both(Request::get("/openapi.json")), &[("x-api-client", "acme")]),
        (both(Request::get("/healthz")), &[("x-api-client", "acme")]),
        (with_token("DELETE", "/parcels/p1"), &[("authorization", TOKEN)]),
    ] {
        assert_eq!(parcels.ask(&decorated(request)).status, 200);
        let headers = headers(&parcels);
        let find = |name: &str| -> Vec<&str> {
            let of_name = headers.iter().filter(|(other, _)| other == name);
            of_name.map(|(_, value)| value.as_str()).collect()
        };
        for (name, value) in [
            ("x-client-address", "127.0.0.1"),
            ("x-request-id", "id-1"),
            ("accept", "application/json"),
            ("if-match", "\"v1\""),
            ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        ] {
            assert_eq!(find(name), [value], "{name}");
        }
        for (name, value) in credentials {
            assert_eq!(find(name), [*value], "{name}");
        }
        let overrides = ["x-http-method-override", "x-http-method", "x-method-override", "cookie"];
        for name in overrides {
            assert_eq!(find(name), [""; 0], "{name}");
        }
        for name in ["authorization", "x-api-client"] {
            if !credentials.iter().any(|(other, _)| *other == name) {
                assert_eq!(find(name), [""; 0], "{name}");
            }
        }
        if lists_headers() {
            for name in ["x-unknown", "accept-language", "user-agent"] {
                assert_eq!(find(name), [""; 0], "{name}");
            }
            let key = credentials.iter().any(|(name, _)| *name == "x-api-key");
            assert_eq!(find("x-api-key").len(), usize::from(key));
        }
        let names: BTreeSet<&String> = headers.iter().map(|(name, _)| name).collect();
        assert_eq!(names.len(), headers.len(), "no header comes twice: {headers:?}");
    }
}

#[test]
fn a_header_with_a_control_byte_does_not_reach_the_service() {
    own_stack_only!("a_header_with_a_control_byte_does_not_reach_the_service");
    let parcels = Parcels::start();
    let mut connection = Connection::open(parcels.sidecar.address).expect("it accepts");
    for byte in (1..0x20_u8).chain([0x7f]).filter(|byte| !b"\t\r\n".contains(byte)) {
        let byte_in = |name: &str| format!("{name}: a{}b\r\n", char::from(byte));
        let head = format!(
            "GET /parcels HTTP/1.1\r\nHost: a\r\nAccept: text/plain\r\n{}{}Authorization: {TOKEN}\r\n\r\n",
            byte_in("If-Match"),
            byte_in("traceparent"),
        );
        let head = head.as_bytes();
        connection.send(head).expect("sent");
        let answer = connection.receive().expect("received").expect("answered");
        assert_eq!(answer.status, 200, "{byte:#04x}");
        let headers = headers(&parcels);
        assert!(headers.contains(&("accept".into(), "text/plain".into())));
        assert!(headers.contains(&("traceparent".into(), "(not ASCII)".into())), "{headers:?}");
        let if_match = headers.iter().find(|(name, _)| name == "if-match");
        assert!(if_match.is_none() || !lists_headers(), "{byte:#04x}: {if_match:?}");
    }
}

#[test]
fn a_second_key_is_seen_by_the_sidecar_or_by_the_service() {
    own_stack_only!("a_second_key_is_seen_by_the_sidecar_or_by_the_service");
    let parcels = Parcels::start();
    let twice = quote("{}").header("X-Api-Key", "not-a-key-at-all");
    let (answer, forwarded) = parcels.forwards(|| parcels.ask(&twice));
    if lists_headers() {
        assert_eq!((answer.status, forwarded), (401, false));
    } else {
        let keys = headers(&parcels).iter().filter(|(name, _)| name == "x-api-key").count();
        assert_eq!((forwarded, keys), (true, 2), "the service can refuse it");
    }
}

#[test]
fn a_stream_flows_as_it_comes_and_ends_with_its_caller() {
    own_stack_only!("a_stream_flows_as_it_comes_and_ends_with_its_caller");
    let parcels = Parcels::with(Manner::Stream, &[]);
    let mut connection = Connection::open(parcels.sidecar.address).expect("it accepts");
    let begun = Instant::now();
    let request = with_token("GET", "/parcels/p1/events").bytes("stream");
    connection.send(&request).expect("sent");
    let mut events = 0;
    while events < 5 {
        connection.patience(Duration::from_secs(5)).expect("set");
        let bytes = connection.receive_some().expect("the stream flows");
        events += String::from_utf8_lossy(&bytes).matches("data: x").count();
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert_eq!(parcels.stub.ended_streams(), 0);
    drop(connection);
    wait::until("the stub to notice that its caller has gone", || {
        parcels.stub.ended_streams() == 1
    });
}
