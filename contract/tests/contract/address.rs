//! The source address: the one that the balancer saw, and never one that a caller wrote.

use contract::connection::Connection;
use contract::http::Request;
use contract::keyed;
use contract::own_stack_only;
use contract::stack::{Stack, client_key};
use std::net::{IpAddr, Ipv4Addr};

/// The address that the sidecar logs for a request with this `X-Forwarded-For`.
fn address(stack: &Stack, forwarded: &[&str]) -> String {
    let request = forwarded
        .iter()
        .fold(Request::get("/nothing"), |request, value| request.header("X-Forwarded-For", value));
    let answer = stack.ask(&request);
    let line = stack.sidecar.process.log.of_request(answer.request_id()).remove(0);
    assert_eq!(line["peer"], "127.0.0.1");
    line["address"].as_str().expect("text").to_owned()
}

#[test]
fn forwarded_address_is_ignored_without_trusted_proxies() {
    own_stack_only!("forwarded_address_is_ignored_without_trusted_proxies");
    let stack = Stack::start();
    for forwarded in [
        &["198.51.100.7"][..],
        &["198.51.100.7, 127.0.0.1"],
        &["127.0.0.2"],
        &["::1"],
        &["nonsense"],
    ] {
        assert_eq!(address(&stack, forwarded), "127.0.0.1", "{forwarded:?}");
    }
}

#[test]
fn last_entry_counts_behind_a_trusted_balancer() {
    own_stack_only!("last_entry_counts_behind_a_trusted_balancer");
    let stack =
        Stack::builder().sidecar("TRUSTED_PROXIES", "10.0.0.0/8,127.0.0.0/8,fd00::/8").start();
    for (forwarded, expected) in [
        (&["198.51.100.7"][..], "198.51.100.7"),
        // The entries of the caller are to the left of the balancer's entry.
        (&["203.0.113.9, 198.51.100.7"], "198.51.100.7"),
        (&["203.0.113.9,198.51.100.7"], "198.51.100.7"),
        // A caller inside the trusted network is also identified by the balancer's entry.
        (&["203.0.113.9, 10.0.3.4"], "10.0.3.4"),
        (&["127.0.0.1, 10.0.3.4"], "10.0.3.4"),
        (&["2001:db8::1"], "2001:db8::1"),
        (&["nonsense"], "127.0.0.1"),
        (&[""], "127.0.0.1"),
        (&[], "127.0.0.1"),
    ] {
        assert_eq!(address(&stack, forwarded), expected, "{forwarded:?}");
    }
}

#[test]
fn ipv6_callers_share_the_limit_of_their_64_network() {
    own_stack_only!("ipv6_callers_share_the_limit_of_their_64_network");
    let stack = Stack::builder()
        .sidecar("RATE_LIMIT", "1")
        .sidecar("RATE_LIMIT_BURST", "1")
        .sidecar("TRUSTED_PROXIES", "127.0.0.1/32")
        .start();
    let mut connection = stack.sidecar.connect();
    let mut ask = |from: &str| {
        let request = Request::get("/nothing").header("X-Forwarded-For", from);
        connection.ask(&request).expect("answered").status
    };
    // Two pass at once. Each row is a new network, so a row that shares the count of another row fails.
    for (addresses, last) in [
        (["2001:db8::1", "2001:db8::2", "2001:db8::ffff:0:0:3"], 429),
        (["2001:db8:0:1::", "2001:db8:0:1:ffff:ffff:ffff:ffff", "2001:db8:0:1:8000::"], 429),
        (["2001:db8:0:2::1", "2001:db8:0:3::1", "2001:db8:0:4::1"], 404),
        (["2001:0:0:a::1", "2001:0:0:a:b:c:d:e", "2001::a:b:0:0:1"], 429),
        (["198.51.100.1", "198.51.100.2", "198.51.100.3"], 404),
        (["::ffff:198.51.100.4", "::ffff:198.51.100.5", "::ffff:198.51.100.6"], 404),
        (["198.51.100.7", "::ffff:198.51.100.7", "198.51.100.7"], 429),
    ] {
        assert_eq!(addresses.map(&mut ask), [404, 404, last], "{addresses:?}");
    }
}

#[test]
fn forged_address_does_not_bypass_the_limit() {
    own_stack_only!("forged_address_does_not_bypass_the_limit");
    for (trusted, forwarded) in
        [("", "198.51.100.{n}"), ("127.0.0.1/32", "198.51.100.{n}, 203.0.113.5")]
    {
        let stack = Stack::builder().limited().sidecar("TRUSTED_PROXIES", trusted).start();
        let mut connection = stack.sidecar.connect();
        let refused = (0..60)
            .filter(|number| {
                let forged = forwarded.replace("{n}", &number.to_string());
                let request =
                    keyed::with_body("not-a-key-at-all", "{}").header("X-Forwarded-For", &forged);
                connection.ask(&request).expect("answered").status == 429
            })
            .count();
        assert!(refused > 30, "only {refused} of 60 refused with TRUSTED_PROXIES={trusted}");
    }
}

#[test]
fn untrusted_peer_cannot_set_the_address() {
    own_stack_only!("untrusted_peer_cannot_set_the_address");
    let stack = Stack::builder().sidecar("TRUSTED_PROXIES", "127.0.0.9/32").start();
    let ask = |last: u8| {
        let source: IpAddr = Ipv4Addr::new(127, 0, 0, last).into();
        let request =
            keyed::with_body(&client_key(1), "{}").header("X-Forwarded-For", "198.51.100.7");
        let mut connection =
            Connection::open_from(source, stack.sidecar.address).expect("it accepts");
        let answer = connection.ask(&request).expect("answered");
        stack.sidecar.process.log.of_request(answer.request_id())[0]["address"].clone()
    };
    assert_eq!(ask(9), "198.51.100.7");
    assert_eq!(ask(8), "127.0.0.8");
}
