//! Sends 10,000 random strings. Each one gets a valid error response or a closed connection, and both processes keep
//! running.

use contract::connection::Connection;
use contract::keyed;
use contract::list::at_least;
use contract::own_stack_only;
use contract::shape::faults;
use contract::stack::{KEY, Stack};
use fastrand::Rng;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::thread::scope;

const STRINGS: usize = 10_000;
const THREADS: usize = 4;
/// Another seed creates other strings. A failure prints the string.
const SEED: u64 = 9112;
const TOKENS: [&str; 32] = [
    "GET",
    "POST",
    "HEAD",
    " ",
    "/",
    "PATH",
    "/healthz",
    "/openapi.json",
    "*",
    "?",
    "#",
    "%",
    "%2e",
    "..",
    "HTTP/1.1",
    "HTTP/1.0",
    "HTTP/2",
    "\r\n",
    "\n",
    "\r",
    "\r\n\r\n",
    "Host:",
    "Content-Length:",
    "Transfer-Encoding:",
    "chunked",
    "0\r\n\r\n",
    "X-Api-Key:",
    "Connection: close",
    "\t",
    "\0",
    "\u{7f}",
    "é",
];

/// A word of the protocol, or the path of an operation.
fn token(rng: &mut Rng) -> String {
    match TOKENS[rng.usize(..TOKENS.len())] {
        "PATH" => keyed::path(),
        token => token.to_owned(),
    }
}

/// One third each: random bytes, words of the protocol, and a valid request with a few changed bytes.
fn string(rng: &mut Rng) -> Vec<u8> {
    match rng.u8(0..3) {
        0 => (0..rng.usize(1..400)).map(|_| rng.u8(..)).collect(),
        1 => (0..rng.usize(1..40)).flat_map(|_| token(rng).into_bytes()).collect(),
        _ => {
            let mut bytes = keyed::request(KEY).bytes("garbage");
            for _ in 0..rng.usize(1..6) {
                let at = rng.usize(..bytes.len().max(1));
                match rng.u8(0..4) {
                    0 if at < bytes.len() => bytes[at] = rng.u8(..),
                    1 if at < bytes.len() => drop(bytes.remove(at)),
                    2 => bytes.insert(at, rng.u8(..)),
                    3 => bytes.truncate(at),
                    _ => {}
                }
            }
            bytes
        }
    }
}

/// The faults of the responses to one string.
fn wrong(sidecar: SocketAddr, bytes: &[u8]) -> Vec<String> {
    let mut connection = Connection::open(sidecar).expect("it accepts");
    // The sidecar can answer and close before it has read everything. That answer counts.
    let _ = connection.send(bytes).and_then(|()| connection.end());
    let mut wrong = Vec::new();
    // A response to HEAD has a Content-Length but no body.
    let head = bytes.windows(4).any(|window| window == b"HEAD");
    loop {
        let answer = if head { connection.receive_head() } else { connection.receive() };
        match answer {
            Ok(None) => return wrong,
            Ok(Some(answer))
                if [200, 201, 400, 401, 404, 405, 408, 413, 414, 415, 417, 422, 431, 501, 505]
                    .contains(&answer.status) =>
            {
                wrong.extend(faults(&answer, head));
                if head {
                    return wrong;
                }
            }
            Ok(Some(answer)) => wrong.push(format!("{} {}", answer.status, answer.text())),
            Err(error) => {
                // HTTP/0.9 has no head. nginx answers with only the body.
                if !error.to_string().contains(": \"{")
                    && error.kind() != std::io::ErrorKind::ConnectionReset
                {
                    wrong.push(error.to_string());
                }
                return wrong;
            }
        }
    }
}

#[test]
fn random_strings_get_a_valid_error_or_a_closed_connection() {
    own_stack_only!("random_strings_get_a_valid_error_or_a_closed_connection");
    let stack = Stack::builder().api("LOG_LEVEL", "info").start();
    // A master and a worker.
    let sidecar_family = at_least(2, stack.sidecar.process.family());
    let failures = Mutex::new(Vec::new());
    scope(|scope| {
        for thread in 0..THREADS {
            let (address, failures) = (stack.sidecar.address, &failures);
            scope.spawn(move || {
                let mut rng = Rng::with_seed(SEED + thread as u64);
                for _ in 0..STRINGS / THREADS {
                    let bytes = string(&mut rng);
                    let wrong = wrong(address, &bytes);
                    if !wrong.is_empty() {
                        let shown = format!("{:?}: {wrong:?}", String::from_utf8_lossy(&bytes));
                        failures
                            .lock()
                            .expect("nothing panics while it holds the lock")
                            .push(shown);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().expect("nothing panics while it holds the lock");
    let shown: Vec<&String> = failures.iter().take(10).collect();
    assert!(failures.is_empty(), "{} of {STRINGS}, the first: {shown:#?}", failures.len());

    assert!(keyed::call().is_like(&stack.ask(&keyed::request(KEY))));
    assert_eq!(stack.sidecar.process.family(), sidecar_family, "no worker died");
    assert!(stack.api.process.ended().is_none());
    // Every line is JSON. `events` fails at the first line that is not.
    let _ = at_least(STRINGS / 2, stack.sidecar.process.log.events());
    let events = at_least(2, stack.api.process.log.events());
    let errors: Vec<_> = events.iter().filter(|event| event["level"] == "ERROR").collect();
    assert!(errors.is_empty(), "{errors:?}");
}
