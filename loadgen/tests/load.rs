//! The load generator with a server that stalls, and with one that closes connections.

#![expect(clippy::unwrap_used, reason = "a panic makes a test fail, also in its helpers")]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use loadgen::{Caller, Client, Pace};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Answers request number N of the server, from 0, with `answer(N)`. Stops reading from a connection after it has
/// announced the close.
fn server(answer: fn(usize) -> &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut number, mut left) = (0, Vec::new());
        for stream in listener.incoming() {
            let (mut stream, mut request) = (stream.unwrap(), [0; 1024]);
            while stream.read(&mut request).is_ok_and(|length| length > 0) {
                if stream.write_all(answer(number)).is_err() {
                    break;
                }
                if answer(number).windows(5).any(|word| word == b"close") {
                    left.push(stream);
                    break;
                }
                number += 1;
            }
        }
    });
    address
}

fn callers(address: SocketAddr, count: usize) -> Vec<Caller> {
    let request = b"GET / HTTP/1.1\r\nHost: test\r\n\r\n".to_vec();
    vec![Caller { address, requests: vec![request] }; count]
}

const PATIENCE: Duration = Duration::from_secs(5);

/// Twenty requests are due in the half second of the stall. They are sent late, and count from their due time.
#[test]
fn stall_counts_for_every_delayed_request() {
    let address = server(|number| {
        if number == 10 {
            sleep(Duration::from_millis(500));
        }
        OK
    });
    let mut client = Client::new(callers(address, 1), PATIENCE).unwrap();
    let pace = Pace::Open { rate: 40.0, duration: Duration::from_secs(1) };
    let mut slow = 0;
    let mut all = 0;
    let mut seen = |answer: &loadgen::Answer<'_>| {
        assert_eq!((answer.status, answer.body), (200, &b"ok"[..]));
        all += 1;
        slow += usize::from(answer.latency > Duration::from_millis(100));
    };
    client.run(pace, &mut seen).unwrap();
    assert_eq!(all, 40);
    assert!(slow >= 14, "{slow} of the 16 requests that the stall delayed by more than 100 ms");
}

#[test]
fn callers_in_turn_are_independent() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let mut client = Client::in_turn(callers(address, 2), Duration::from_millis(300)).unwrap();
    let (started, mut answers) = (Instant::now(), Vec::new());
    let pace = Pace::Steady { rate: 100.0, duration: Duration::from_millis(200) };
    client
        .run(pace, |answer| {
            answers.push((answer.caller, answer.due - started, answer.status));
            assert_eq!(answer.body, b"no answer in time");
        })
        .unwrap();
    assert_eq!(answers.len(), 20);
    assert!(answers.iter().all(|(_, due, status)| *due < PATIENCE && *status == 0));
    assert_eq!(answers.iter().filter(|(caller, ..)| *caller == 1).count(), 10);
    assert!(started.elapsed() < Duration::from_secs(2), "the requests must wait at the same time");
}

#[test]
fn closing_connection_is_not_reused() {
    let address =
        server(|_| b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
    let mut client = Client::new(callers(address, 1), PATIENCE).unwrap();
    let mut statuses = Vec::new();
    client.run(Pace::Count(3), |answer| statuses.push(answer.status)).unwrap();
    assert_eq!(statuses, [200, 200, 200]);
}

#[test]
fn unreachable_address_fails_requests() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut client = Client::new(callers(address, 1), PATIENCE).unwrap();
    let mut failures = 0;
    client
        .run(Pace::Count(2), |answer| {
            assert_eq!(answer.status, 0);
            failures += 1;
        })
        .unwrap();
    assert_eq!(failures, 2);
}
