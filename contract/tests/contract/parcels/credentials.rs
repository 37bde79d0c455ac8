//! Bearer tokens: one header of the right shape, on the operations that need one.

use super::{KEY, OK, Parcels, TOKEN, quick, quote, with_token};
use contract::http::Request;
use contract::own_stack_only;
use contract::shape::check_problem;
use contract::stub::Manner;

#[test]
fn one_header_with_one_token_passes_and_nothing_else() {
    own_stack_only!("one_header_with_one_token_passes_and_nothing_else");
    let parcels = Parcels::start();
    for value in ["Bearer a", TOKEN, "bearer a.b.c", "BEARER a", "Bearer a ", " Bearer a"] {
        let request = Request::get("/parcels").header("Authorization", value);
        let (answer, forwarded) = parcels.forwards(|| parcels.ask(&request));
        assert_eq!((answer.status, forwarded), (200, true), "{value:?}");
        let expected = format!("Authorization: {}", value.trim());
        assert!(parcels.stub.latest_head().contains(&expected), "{value:?}");
    }
    let long = format!("Bearer {}", "x".repeat(2000));
    assert_eq!(parcels.ask(&Request::get("/parcels").header("Authorization", &long)).status, 200);
    for value in [
        "",
        "Bearer",
        "Bearer ",
        "Bearer  a",
        "Bearer a b",
        "Bearer a,b",
        "Bearer a, Bearer b",
        "Bearer a;",
        "Bearer =",
        "Bearer a=b",
        "Bearer \"a\"",
        "Bearer é",
        "Bearer\ta",
        "abc",
        "BearerX a",
        "Basic YTpi",
        "Bearer a\u{7f}",
        "X Bearer a",
        "Token a",
    ] {
        let request = Request::get("/parcels").header("Authorization", value);
        let (answer, forwarded) = parcels.forwards(|| parcels.ask(&request));
        assert!(!forwarded, "{value:?}");
        check_problem(&answer, 401, "about:blank");
        assert_eq!(answer.header("WWW-Authenticate"), Some("Bearer realm=\"parcels\""));
        assert!(answer.json()["detail"].as_str().is_some_and(|d| d.contains("bearer token")));
    }
}

#[test]
fn a_second_header_is_refused() {
    own_stack_only!("a_second_header_is_refused");
    let parcels = Parcels::start();
    for second in [TOKEN, "Bearer b", "Basic YTpi", ""] {
        let request = with_token("GET", "/parcels").header("authorization", second);
        let (answer, forwarded) = parcels.forwards(|| parcels.ask(&request));
        assert!(!forwarded, "{second:?}");
        // nginx itself takes two of them for an invalid request.
        check_problem(&answer, 400, "about:blank");
    }
}

#[test]
fn a_key_is_no_token_and_a_token_is_no_key() {
    own_stack_only!("a_key_is_no_token_and_a_token_is_no_key");
    let parcels = Parcels::start();
    let with_key = Request::get("/parcels").header("X-Api-Key", KEY);
    check_problem(&parcels.ask(&with_key), 401, "about:blank");
    let with_token = Request::new("POST", "/quote").header("Authorization", TOKEN);
    let answer = parcels.ask(&with_token);
    check_problem(&answer, 401, "about:blank");
    assert_eq!(answer.header("WWW-Authenticate"), Some("ApiKey realm=\"parcels\""));
    assert_eq!(parcels.stub.requests(), 0);
}

#[test]
fn a_refused_token_counts_against_the_address_whoever_the_caller_is() {
    own_stack_only!("a_refused_token_counts_against_the_address_whoever_the_caller_is");
    let limits = [("RATE_LIMIT", "1"), ("RATE_LIMIT_BURST", "2")];
    let parcels = Parcels::with(Manner::Say(OK), &limits);
    let refused = Request::get("/parcels").header("X-Api-Key", KEY);
    let answers = quick(|number| [0; 4].map(|_| parcels.ask_from(number, &refused)));
    assert_eq!(answers.each_ref().map(|answer| answer.status), [401, 401, 401, 429]);
    assert!(answers.iter().all(|a| a.header("RateLimit-Policy") == Some("\"address\";q=1;w=1")));
    // The client's own allowance is untouched, and so is that of the operation.
    let unknown = Request::get("/nothing").header("X-Api-Key", KEY);
    assert_eq!(parcels.ask(&unknown).header("RateLimit-Policy"), Some("\"client\";q=1;w=1"));
    assert_eq!(parcels.ask(&with_token("GET", "/parcels")).status, 200);
    assert_eq!(parcels.ask(&quote("{}")).status, 200);
}
