//! Limits over time: the refill rate, and the requests that share a limit. `every/limits.rs` tests the limit of every
//! operation.

use contract::connection::Connection;
use contract::http::{Request, Response};
use contract::keyed;
use contract::own_stack_only;
use contract::shape::{check, check_problem};
use contract::stack::{Stack, client_key};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::thread::sleep;
use std::time::{Duration, Instant};

const QUOTA: &str = "https://iana.org/assignments/http-problem-types#quota-exceeded";
/// The time until one more request passes.
const REFILL: Duration = Duration::from_millis(200);

fn statuses(connection: &mut Connection, request: &Request, times: usize) -> Vec<u16> {
    (0..times).map(|_| connection.ask(request).expect("answered").status).collect()
}

fn from(last: u8, sidecar: SocketAddr) -> Connection {
    let source: IpAddr = Ipv4Addr::new(127, 0, 3, last).into();
    Connection::open_from(source, sidecar).expect("it accepts")
}

/// Repeats until a measurement is fast enough. On a busy machine, a pause can refill the limit.
fn measured<T>(mut attempt: impl FnMut(u8) -> Option<T>) -> T {
    (1..=10).find_map(&mut attempt).expect("10 attempts were too slow to measure")
}

#[test]
fn idle_client_gets_six_and_then_one_every_200_ms() {
    own_stack_only!("idle_client_gets_six_and_then_one_every_200_ms");
    let stack = Stack::builder().limits(5, 5).start();
    let (burst, later) = measured(|client| {
        let (request, mut connection) =
            (keyed::request(&client_key(client)), stack.sidecar.connect());
        let started = Instant::now();
        let burst = statuses(&mut connection, &request, 8);
        if started.elapsed() > REFILL {
            return None;
        }
        // After 5 refills, exactly 5 more requests pass.
        sleep((REFILL * 5 + REFILL / 2).saturating_sub(started.elapsed()));
        let later = statuses(&mut connection, &request, 8);
        (started.elapsed() < REFILL * 6).then_some((burst, later))
    });
    let good = keyed::call().status;
    assert_eq!(burst, [good, good, good, good, good, good, 429, 429]);
    let passed = later.iter().filter(|status| **status == good).count();
    assert_eq!(passed, 5, "{later:?}");
}

#[test]
fn sustained_flood_gets_five_per_second() {
    own_stack_only!("sustained_flood_gets_five_per_second");
    let stack = Stack::builder().limits(5, 5).start();
    let (request, mut connection) = (keyed::request(&client_key(1)), stack.sidecar.connect());
    let started = Instant::now();
    let mut passed = 0_u32;
    while started.elapsed() < Duration::from_secs(3) {
        let answer = connection.ask(&request).expect("answered");
        passed += u32::from(answer.status != 429);
        if answer.closes() {
            connection = stack.sidecar.connect();
        }
    }
    let allowed = 6.0 + started.elapsed().as_secs_f64() * 5.0;
    assert!(
        f64::from(passed) <= allowed && f64::from(passed) >= allowed - 2.0,
        "{passed} passed, {allowed} allowed"
    );
}

#[test]
fn client_shares_one_limit_across_addresses() {
    own_stack_only!("client_shares_one_limit_across_addresses");
    let stack = Stack::builder().limits(5, 5).sidecar("TRUSTED_PROXIES", "127.0.0.0/8").start();
    let seventh = measured(|client| {
        let started = Instant::now();
        let ask = |number: u8| {
            let request = keyed::request(&client_key(client))
                .header("X-Forwarded-For", &format!("198.51.100.{number}"));
            from(number, stack.sidecar.address).ask(&request).expect("answered")
        };
        let answers: Vec<Response> = (1..=7).map(ask).collect();
        (started.elapsed() < REFILL).then_some(answers)
    });
    let found: Vec<u16> = seventh.iter().map(|answer| answer.status).collect();
    let good = keyed::call().status;
    assert_eq!(found, [good, good, good, good, good, good, 429]);
    check_problem(&seventh[6], 429, QUOTA);
}

#[test]
fn flood_does_not_affect_other_clients() {
    own_stack_only!("flood_does_not_affect_other_clients");
    let stack = Stack::builder().limits(5, 5).start();
    let mut connection = stack.sidecar.connect();
    let mut flood = |request: &Request| {
        let refused = |answer: Response| {
            check(&answer);
            answer.status == 429
        };
        (0..100).filter(|_| refused(connection.ask(request).expect("answered"))).count()
    };
    assert!(flood(&keyed::request(&client_key(1))) > 80);
    assert!(flood(&keyed::request("not-a-key-at-all")) > 80);
    // Another key from the same address has its whole limit.
    let mut calm = stack.sidecar.connect();
    assert_eq!(statuses(&mut calm, &keyed::request(&client_key(2)), 6), [keyed::call().status; 6]);
    // Requests without a key from this address are limited. Health checks are not.
    let other = measured(|_| {
        let started = Instant::now();
        let _ = statuses(&mut calm, &Request::get("/nothing"), 7);
        let last = calm.ask(&Request::get("/nothing")).expect("answered");
        (started.elapsed() < REFILL).then_some(last)
    });
    check_problem(&other, 429, QUOTA);
    assert_eq!(other.json()["violated-policies"], serde_json::json!(["address"]));
    assert_eq!(statuses(&mut calm, &Request::get("/healthz"), 50), [200; 50]);
}

#[test]
fn request_passes_after_the_retry_after_of_a_refusal() {
    own_stack_only!("request_passes_after_the_retry_after_of_a_refusal");
    let stack = Stack::builder().limits(5, 5).start();
    let (request, mut connection) = (keyed::request(&client_key(1)), stack.sidecar.connect());
    let refused = measured(|_| connection.ask(&request).ok().filter(|answer| answer.status == 429));
    check_problem(&refused, 429, QUOTA);
    assert_eq!(refused.header("RateLimit-Policy"), Some(r#""client";q=5;w=1"#));
    assert_eq!(refused.header("RateLimit"), Some(r#""client";r=0;t=1"#));
    assert_eq!(refused.json()["violated-policies"], serde_json::json!(["client"]));
    let wait = refused.header("Retry-After").expect("it has the header").parse().expect("seconds");
    sleep(Duration::from_secs(wait));
    assert_eq!(connection.ask(&request).expect("answered").status, keyed::call().status);
}
