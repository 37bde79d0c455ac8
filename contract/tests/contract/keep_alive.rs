//! The race between an idle connection that the API closes and a POST that the sidecar sends on it.
//!
//! The sidecar must close an idle connection before the API does. The test uses short timers, and callers that pause
//! for about the duration of either timer, because a race occurs only then.

use contract::connection::Connection;
use contract::keyed;
use contract::own_stack_only;
use contract::stack::{Builder, Stack, client_key};
use contract::timing::timing;
use std::thread::{scope, sleep};
use std::time::Duration;

const SIDECAR: u64 = 300;
const API: u64 = 1200;
const CALLERS: u8 = 6;
/// Pauses around both timers, in milliseconds.
const PAUSES: [u64; 10] = [296, 300, 304, 308, 1180, 1192, 1196, 1200, 1204, 1216];
/// The timer of an API that closes first. The number of lost POSTs depends on the machine.
const HASTY_API: u64 = 100;

struct Seen {
    sent: u64,
    answered: u64,
    api: u64,
}

fn race(builder: Builder, pauses: &[u64]) -> Seen {
    let stack = builder.start();
    let before = stack.metrics().calls(&keyed::path());
    let address = stack.sidecar.address;
    let call = |caller: u8| {
        let request = keyed::request(&client_key(caller));
        let mut connection = Connection::open(address).expect("it accepts");
        let ask = |pause: &u64| {
            let answer =
                connection.ask(&request).expect("the sidecar closes only after Connection: close");
            if answer.closes() {
                connection = Connection::open(address).expect("it accepts");
            }
            sleep(Duration::from_millis(*pause));
            u64::from(keyed::call().is_like(&answer))
        };
        pauses.iter().map(ask).sum::<u64>()
    };
    let answered = scope(|scope| {
        let callers: Vec<_> =
            (1..=CALLERS).map(|caller| scope.spawn(move || call(caller))).collect();
        callers.into_iter().map(|caller| caller.join().expect("a caller ends")).sum()
    });
    let sent = u64::from(CALLERS) * u64::try_from(pauses.len()).expect("few");
    Seen { sent, answered, api: stack.metrics().calls(&keyed::path()) - before }
}

fn timers(sidecar: u64, api: u64) -> Builder {
    Stack::builder()
        .sidecar("UPSTREAM_KEEPALIVE_TIMEOUT", &format!("{sidecar}ms"))
        .api("KEEP_ALIVE_TIMEOUT", &format!("{api}ms"))
}

#[test]
fn no_post_is_lost_and_none_is_sent_twice() {
    own_stack_only!("no_post_is_lost_and_none_is_sent_twice");
    let seen = race(timers(SIDECAR, API), &PAUSES);
    assert_eq!(
        (seen.answered, seen.api),
        (seen.sent, seen.sent),
        "expected {}: answered POSTs, and POSTs at the API",
        seen.sent
    );
}

#[test]
fn no_post_is_sent_twice_with_reversed_timers() {
    own_stack_only!("no_post_is_sent_twice_with_reversed_timers");
    let pauses: Vec<u64> = (0..40).map(|number| HASTY_API - 4 + number % 5).collect();
    let seen = race(timers(10_000, HASTY_API), &pauses);
    assert!(seen.api <= seen.sent, "the API received {} of {}", seen.api, seen.sent);
    // Each POST that the race lost is a 502 for the caller, never a second attempt of the sidecar.
    assert!(seen.answered <= seen.api, "{} answered, {} at the API", seen.answered, seen.api);
    println!("reversed timers: {} of {} POSTs lost", seen.sent - seen.answered, seen.sent);
}

#[test]
fn default_idle_timeouts_match_the_timing_budget() {
    own_stack_only!("default_idle_timeouts_match_the_timing_budget");
    let stack = Stack::start();
    let runtime = stack.sidecar.runtime.as_ref().expect("a sidecar has one").path();
    let rendered = std::fs::read_to_string(runtime.join("nginx.conf")).expect("rendered");
    let upstream = rendered
        .split("upstream api {")
        .nth(1)
        .and_then(|rest| rest.split('}').next())
        .expect("a block");
    let seconds = |text: &str| -> u64 {
        let value = text.split("keepalive_timeout").nth(1).and_then(|rest| rest.split(';').next());
        value
            .and_then(|value| value.trim().strip_suffix('s'))
            .and_then(|value| value.parse().ok())
            .expect("seconds")
    };
    let to_api = seconds(upstream);
    let client = seconds(&rendered.replace(upstream, ""));
    let listening =
        stack.api.process.log.events().into_iter().find(|event| event["message"] == "listening");
    let api =
        listening.expect("it logs this")["keep_alive_timeout"].as_str().expect("text").to_owned();
    assert!(client > timing("alb_idle_seconds").as_secs(), "{client}");
    assert_eq!(to_api, timing("nginx_upstream_keepalive_seconds").as_secs());
    let planned = timing("api_keep_alive_seconds").as_secs();
    assert_eq!(api, format!("{}m {}s", planned / 60, planned % 60));
}
