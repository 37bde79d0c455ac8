//! Named limits, sizes and deadlines of each operation.

use super::{KEY, OK, Parcels, quick, quote, quote_of, with_token};
use contract::http::Request;
use contract::own_stack_only;
use contract::shape::{check, check_problem};
use contract::stack::client_key;
use contract::stub::Manner;
use std::time::{Duration, Instant};

const QUOTA: &str = "https://iana.org/assignments/http-problem-types#quota-exceeded";

/// A limit of one request a second, so that a slow machine refills nothing.
fn limited() -> Parcels {
    let settings = [("RATE_LIMITS", "quote=1:3,parcels=1:2")];
    Parcels::with(Manner::Say(OK), &settings)
}

#[test]
fn a_limit_by_client_counts_every_use_of_the_operations_path() {
    own_stack_only!("a_limit_by_client_counts_every_use_of_the_operations_path");
    let parcels = limited();
    let (passed, refused) = quick(|number| {
        let key = client_key(number);
        let small = quote_of(&key, "{}");
        let put = Request::new("PUT", "/quote").header("X-Api-Key", &key);
        let large = quote_of(&key, &" ".repeat(2000));
        let elsewhere = small.clone().header("X-Forwarded-For", "198.51.100.9");
        // A method that is refused and a body that is too large count like a quote.
        let passed = [&small, &put, &large, &small].map(|request| parcels.ask(request));
        // Refused by the same limit, from wherever the client calls.
        let refused = [&small, &put, &large, &elsewhere].map(|request| parcels.ask(request));
        (passed, refused)
    });
    assert_eq!(passed.map(|answer| answer.status), [200, 405, 413, 200]);
    for answer in &refused {
        check_problem(answer, 429, QUOTA);
        assert_eq!(answer.header("RateLimit-Policy"), Some("\"quote\";q=1;w=1"));
        assert_eq!(answer.header("RateLimit"), Some("\"quote\";r=0;t=1"));
        assert_eq!(answer.json()["violated-policies"], serde_json::json!(["quote"]));
        let line = &parcels.sidecar.process.log.of_request(answer.request_id())[0];
        assert_eq!(line["ClientThrottled"], 1);
    }
    // Another client has its own, and the client's other requests are counted elsewhere.
    let second = quick(|number| {
        [0; 4].map(|_| parcels.ask(&quote_of(&client_key(20 + number), "{}")).status)
    });
    assert_eq!(second, [200; 4]);
    let unknown = Request::get("/nothing").header("X-Api-Key", KEY);
    assert_eq!(parcels.ask(&unknown).header("RateLimit-Policy"), Some("\"client\";q=10000;w=1"));
}

#[test]
fn a_limit_by_address_counts_all_operations_that_share_it() {
    own_stack_only!("a_limit_by_address_counts_all_operations_that_share_it");
    let parcels = limited();
    let requests = [
        with_token("GET", "/parcels"),
        with_token("DELETE", "/parcels/p1").header("X-Api-Key", KEY),
        with_token("PUT", "/parcels/mine"),
        Request::get("/parcels/p1").header("Authorization", "Bearer another"),
    ];
    let answers = quick(|number| requests.each_ref().map(|r| parcels.ask_from(number, r)));
    let found = answers.each_ref().map(|answer| answer.status);
    assert_eq!(found, [200, 200, 405, 429]);
    assert_eq!(answers[3].header("RateLimit-Policy"), Some("\"parcels\";q=1;w=1"));
    let line = &parcels.sidecar.process.log.of_request(answers[3].request_id())[0];
    assert_eq!(line["AddressThrottled"], 1);
    assert_eq!(parcels.ask_from(99, &requests[0]).status, 200, "another address has its own");
    // Probes count nowhere, and what is open counts like an unknown path.
    let probes = quick(|_| [0; 20].map(|_| parcels.ask(&Request::get("/healthz")).status));
    assert_eq!(probes, [200; 20]);
    let open = parcels.ask(&Request::get("/openapi.json"));
    assert_eq!(open.header("RateLimit-Policy"), Some("\"address\";q=10000;w=1"));
}

#[test]
fn each_operation_has_its_own_size() {
    own_stack_only!("each_operation_has_its_own_size");
    let parcels = Parcels::start();
    let sized = |request: Request, size: usize| request.body(" ".repeat(size));
    let create = || with_token("POST", "/parcels").header("Content-Type", "application/json");
    for (request, status, detail) in [
        (quote(&" ".repeat(1024)), 200, ""),
        (quote(&" ".repeat(1025)), 413, "larger than 1024 bytes"),
        (quote(&" ".repeat(1024)).chunked(), 200, ""),
        (quote(&" ".repeat(1025)).chunked(), 413, "larger than 1024 bytes"),
        (sized(create(), 65_536), 200, ""),
        (sized(create(), 65_537), 413, "larger than 65536 bytes"),
        (sized(create(), 65_537).chunked(), 413, "larger than 65536 bytes"),
        // A body that GET does not need is ignored.
        (sized(with_token("GET", "/parcels"), 100), 200, ""),
        (sized(with_token("HEAD", "/parcels"), 100), 200, ""),
        // Any other method without a request body takes none.
        (with_token("DELETE", "/parcels/p1"), 200, ""),
        (sized(with_token("DELETE", "/parcels/p1"), 0), 200, ""),
        (sized(with_token("DELETE", "/parcels/p1"), 1), 413, "takes no body"),
        (sized(with_token("DELETE", "/parcels/p1"), 9000), 413, "takes no body"),
        (sized(with_token("DELETE", "/parcels/p1"), 1).chunked(), 413, "takes no body"),
        // The method comes before the size, and the credentials before both.
        (sized(with_token("PUT", "/parcels/p1"), 9000), 405, "method"),
        (sized(Request::new("POST", "/quote"), 9000), 401, "X-Api-Key"),
        (sized(Request::new("POST", "/parcels"), 90_000), 401, "bearer token"),
        (sized(Request::new("POST", "/nothing"), 90_000), 404, "nothing at this path"),
    ] {
        let answer = parcels.ask(&request);
        assert_eq!(answer.status, status, "{request:?}");
        if status != 200 {
            check(&answer);
            let found = answer.json()["detail"].as_str().unwrap_or_default().to_owned();
            assert!(found.contains(detail), "{found}");
        }
    }
}

#[test]
fn each_operation_has_its_own_deadline() {
    own_stack_only!("each_operation_has_its_own_deadline");
    let parcels = Parcels::with(Manner::Silence, &[]);
    // One second above the document: the service's own 504 comes first.
    for (request, least, most) in [
        (quote("{}"), Duration::from_millis(1700), Duration::from_millis(4500)),
        (with_token("GET", "/parcels"), Duration::from_millis(5800), Duration::from_secs(10)),
    ] {
        let begun = Instant::now();
        check_problem(&parcels.ask(&request), 504, "about:blank");
        let took = begun.elapsed();
        assert!(took >= least && took < most, "{took:?}");
    }
    assert_eq!(parcels.stub.requests(), 2, "each was sent once");
}
