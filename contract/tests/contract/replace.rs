//! Replaces a task under load, as ECS does. No request may fail.
//!
//! The order is that of a rolling deployment:
//!
//! 1. The new task starts and becomes ready while the old one runs.
//! 2. The balancer sends new requests to the new task.
//! 3. The old sidecar gets SIGQUIT and ends.
//! 4. The old API gets SIGTERM and ends.
//!
//! `CONTRACT_REPLACE_SECONDS` sets the duration. The documentation quotes a run of 60 s.

use contract::keyed;
use contract::load::{Load, Outcome, Route};
use contract::own_stack_only;
use contract::stack::{KEY, Stack};
use contract::wait;
use std::env;
use std::thread::sleep;
use std::time::{Duration, Instant};

const CALLERS: u64 = 4;
/// The default duration in seconds.
const SECONDS: u64 = 8;
/// The time between the last new request of a task and the stop of the task, like the balancer's deregistration delay.
/// It is needed because a stopping nginx closes a connection on which it has read nothing. A slow caller takes longer,
/// so some requests are in flight at the stop.
const DEREGISTRATION: Duration = Duration::from_millis(200);

fn route(stack: &Stack, key: &str) -> Route {
    Route { address: stack.sidecar.address, key: key.to_owned() }
}

/// Waits until `more` further requests were sent.
fn after(load: &Load, more: u64) {
    let sent = load.sent();
    wait::until("more requests", || load.sent() >= sent + more);
}

/// Stops a task that gets no new requests, the sidecar first.
fn retire(stack: &Stack) {
    sleep(DEREGISTRATION);
    assert_eq!(stack.sidecar.process.finish(), 0, "{}", stack.sidecar.process.log.text());
    assert_eq!(stack.api.process.finish(), 0, "{}", stack.api.process.log.text());
}

fn assert_no_failure(outcome: &Outcome) {
    let Outcome { sent, failures } = outcome;
    assert!(
        failures.is_empty(),
        "{} of {sent} failed. Each response must equal the example in the document:\n{}",
        failures.len(),
        failures.join("\n")
    );
    assert!(*sent > 100, "only {sent} requests were sent");
}

#[test]
fn no_request_fails_while_tasks_are_replaced() {
    own_stack_only!("no_request_fails_while_tasks_are_replaced");
    let seconds = env::var("CONTRACT_REPLACE_SECONDS")
        .map_or(SECONDS, |text| text.parse().expect("whole seconds"));
    let started = Instant::now();
    let mut task = Stack::builder().api("LOG_LEVEL", "info").start();
    let load = Load::start(keyed::calls(), CALLERS, route(&task, KEY));
    let mut replaced = 0;
    while replaced < 2 || started.elapsed() < Duration::from_secs(seconds) {
        after(&load, 200);
        let next = Stack::builder().api("LOG_LEVEL", "info").start();
        load.shift(route(&next, KEY));
        retire(&task);
        task = next;
        replaced += 1;
    }
    let outcome = load.stop();
    println!(
        "{} requests in {:.0} s, {replaced} tasks replaced, {} failed",
        outcome.sent,
        started.elapsed().as_secs_f64(),
        outcome.failures.len()
    );
    assert_no_failure(&outcome);
}

#[test]
fn no_request_fails_while_a_key_is_rotated() {
    own_stack_only!("no_request_fails_while_a_key_is_rotated");
    let (old, new) = ("the-old-key-of-acme", "the-new-key-of-acme");
    let start = |keys: &str| Stack::builder().keys(keys).start();
    let only_old = start(&format!("acme:{old}"));
    let load = Load::start(keyed::calls(), CALLERS, route(&only_old, old));
    after(&load, 100);

    let both = start(&format!("acme:{old},acme:{new}"));
    load.shift(route(&both, old));
    retire(&only_old);
    after(&load, 100);
    // The callers switch to the new key.
    load.shift(route(&both, new));
    after(&load, 100);

    let only_new = start(&format!("acme:{new}"));
    load.shift(route(&only_new, new));
    retire(&both);
    after(&load, 100);
    assert_no_failure(&load.stop());

    let refused = only_new.ask(&keyed::with_body(old, "{}"));
    assert_eq!(refused.status, 401, "the old key is no longer valid");
}
