//! Keys: exact comparison, several keys per client, and a check in both processes.

use contract::binary;
use contract::http::Request;
use contract::keyed;
use contract::list::at_least;
use contract::own_stack_only;
use contract::shape::check_problem;
use contract::stack::{KEY, RuntimeDir, Stack, sidecar_process};
use contract::stub::{Behavior, Stub};
use contract::{port, table};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::thread::scope;

const EX_USAGE: i32 = 64;

#[derive(Debug, Deserialize)]
pub(crate) struct Accepted {
    name: String,
    value: String,
    clients: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    wrong: Vec<String>,
}

impl Accepted {
    /// Every key, with its client and its position among the keys of this client. Only the list `none` has no key.
    fn keys(&self) -> Vec<(&str, usize, &str)> {
        let mut found = Vec::new();
        for (client, keys) in &self.clients {
            found.extend(keys.iter().zip(1..).map(|(key, place)| (&**client, place, &**key)));
        }
        assert_eq!(found.is_empty(), self.value == "none", "{}", self.name);
        found
    }
}

/// The sidecar in front of an API that requires no key, so that only the sidecar can refuse.
fn sidecar_alone(keys: &str) -> Stack {
    let builder = Stack::builder().api_without("API_KEY").api("REQUIRE_API_KEY", "false");
    builder.sidecar("API_KEY", keys).start()
}

#[test]
fn sidecar_accepts_exactly_the_keys_of_every_valid_list() {
    own_stack_only!("sidecar_accepts_exactly_the_keys_of_every_valid_list");
    let table: crate::start::KeyTable = table::read("keys");
    let api = Stub::start(Behavior::Say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
    let check = |case: &Accepted| {
        let sidecar = Stack::builder().sidecar("API_KEY", &case.value).start_sidecar(api.address);
        for (client, place, key) in case.keys() {
            let answer = sidecar.ask(&keyed::request(key));
            assert_eq!(answer.status, 200, "{}: {key}: {}", case.name, answer.text());
            let line = sidecar.process.log.of_request(answer.request_id()).remove(0);
            assert_eq!(line["client"], client, "{}", case.name);
            assert_eq!(line["key_number"], place.to_string(), "{}", case.name);
        }
        for key in &case.wrong {
            let answer = sidecar.ask(&keyed::request(key));
            assert_eq!(answer.status, 401, "{}: {key:?}", case.name);
        }
    };
    let accepted = at_least(27, &table.accepted);
    assert!(accepted.iter().map(|case| case.wrong.len()).sum::<usize>() >= 30, "few wrong keys");
    // In parallel, because a start mostly waits.
    scope(|scope| {
        for cases in accepted.chunks(accepted.len().div_ceil(4)) {
            scope.spawn(move || cases.iter().for_each(|case| check(case)));
        }
    });
}

#[test]
fn api_accepts_exactly_the_keys_of_every_valid_list() {
    own_stack_only!("api_accepts_exactly_the_keys_of_every_valid_list");
    let table: crate::start::KeyTable = table::read("keys");
    for case in at_least(27, table.accepted) {
        let api = Stack::builder().keys(&case.value).start_api();
        for (_, _, key) in case.keys() {
            assert_eq!(
                api.ask(&keyed::request(key)).status,
                keyed::call().status,
                "{}: {key}",
                case.name
            );
        }
        for key in &case.wrong {
            assert_eq!(api.ask(&keyed::request(key)).status, 401, "{}: {key:?}", case.name);
        }
    }
}

#[test]
fn sidecar_compares_keys_exactly() {
    own_stack_only!("sidecar_compares_keys_exactly");
    let stack = sidecar_alone(&format!("acme:{KEY}"));
    assert_eq!(stack.ask(&keyed::request(KEY)).status, keyed::call().status);
    let (shorter, longer) = (&KEY[1..], format!("{KEY}x"));
    for key in [&KEY.to_lowercase(), &KEY.to_uppercase(), shorter, &longer, "", "acme", "default"] {
        check_problem(&stack.ask(&keyed::request(key)), 401, "about:blank");
    }
    let before = stack.metrics().calls(&keyed::path());
    let none = keyed::call().bare();
    check_problem(&stack.ask(&none.header("X-Api-Client", "acme")), 401, "about:blank");
    assert_eq!(stack.metrics().calls(&keyed::path()), before, "no request reached the API");
}

#[test]
fn missing_and_wrong_keys_get_the_same_answer() {
    own_stack_only!("missing_and_wrong_keys_get_the_same_answer");
    let stack = Stack::start();
    let ask = |request: Request| {
        let answer = stack.ask(&request.header("X-Request-Id", "same"));
        check_problem(&answer, 401, "about:blank");
        let headers: Vec<_> =
            answer.headers.iter().filter(|(name, _)| name != "Date").cloned().collect();
        (headers, answer.text())
    };
    let missing = ask(keyed::call().bare());
    assert_eq!(missing, ask(keyed::request("not-a-key-at-all")));
    assert_eq!(missing, ask(keyed::request("")));
}

#[test]
fn key_must_be_valid_in_both_processes() {
    own_stack_only!("key_must_be_valid_in_both_processes");
    let stack = Stack::builder()
        .api("API_KEY", "acme:another-key-1,both:key-of-both")
        .sidecar("API_KEY", &format!("acme:{KEY},both:key-of-both"));
    let stack = stack.start();
    check_problem(&stack.ask(&keyed::request(KEY)), 401, "about:blank");
    check_problem(&stack.ask(&keyed::request("another-key-1")), 401, "about:blank");
    assert_eq!(stack.ask(&keyed::request("key-of-both")).status, keyed::call().status);
}

#[test]
fn api_without_sidecar_refuses_the_same_requests() {
    own_stack_only!("api_without_sidecar_refuses_the_same_requests");
    let api = Stack::builder().start_api();
    assert_eq!(api.ask(&keyed::request(KEY)).status, keyed::call().status);
    for request in [
        keyed::request("not-a-key-at-all"),
        keyed::request(KEY).header("X-Api-Key", KEY),
        keyed::request(&KEY.to_lowercase()),
        keyed::call().bare().header("X-Api-Client", "acme"),
    ] {
        let answer = api.ask(&request);
        check_problem(&answer, 401, "about:blank");
    }
}

#[test]
fn sidecar_can_disable_the_api_check_only_with_nginx_1_23() {
    own_stack_only!("sidecar_can_disable_the_api_check_only_with_nginx_1_23");
    if binary::nginx_version() < (1, 23, 0) {
        let settings = [("API_KEY", KEY), ("REQUIRE_API_KEY", "false")];
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let runtime = RuntimeDir::new();
        let process =
            sidecar_process(keyed::service(), &settings, port::free(), port::free(), &runtime);
        assert_eq!(process.exit_code(), EX_USAGE);
        assert!(process.log.text().contains("1.23"), "{}", process.log.text());
        return;
    }
    let stack = Stack::builder().api("REQUIRE_API_KEY", "false").api_without("API_KEY");
    let stack = stack.sidecar("REQUIRE_API_KEY", "false").start();
    assert_eq!(stack.ask(&keyed::request(KEY)).status, keyed::call().status);
    let twice = stack.ask(&keyed::request(KEY).header("X-Api-Key", KEY));
    check_problem(&twice, 401, "about:blank");
}
