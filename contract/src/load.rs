//! Callers that send requests continuously, for changes that must not cause a failed request.

use crate::call::Call;
use crate::connection::Connection;
use crate::http::{Request, Response};
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock, RwLockReadGuard};
use std::thread::{self, JoinHandle, sleep};
use std::time::Duration;

/// The time in which a slow caller sends its body. At a stop, some bodies are incomplete.
const DAWDLE: Duration = Duration::from_millis(600);
/// The pause between requests. It leaves a core for the stack.
const PAUSE: Duration = Duration::from_millis(2);

/// The sidecar and the key for new requests, as from a balancer's target group and a caller's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The sidecar.
    pub address: SocketAddr,
    /// The key.
    pub key: String,
}

/// The calls, which the callers send in turn: the examples of an operation. Their answers differ, so a mixed-up answer
/// is detected.
pub type Calls = Vec<Call<'static>>;

#[derive(Debug)]
struct Shared {
    calls: Calls,
    route: RwLock<Route>,
    stop: AtomicBool,
    sent: AtomicU64,
    failures: Mutex<Vec<String>>,
}

/// Running callers.
#[derive(Debug)]
pub struct Load {
    shared: Arc<Shared>,
    callers: Vec<JoinHandle<()>>,
}

/// The result of the load.
#[derive(Debug)]
pub struct Outcome {
    /// Requests sent.
    pub sent: u64,
    /// Requests without the expected answer, each with the reason.
    pub failures: Vec<String>,
}

impl Load {
    /// Starts `callers` fast callers and the same number of callers that send their body slowly.
    #[must_use]
    pub fn start(calls: Calls, callers: u64, route: Route) -> Self {
        let shared = Arc::new(Shared {
            calls,
            route: RwLock::new(route),
            stop: AtomicBool::new(false),
            sent: AtomicU64::new(0),
            failures: Mutex::default(),
        });
        let start = |number: u64| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.call(number, number % 2 == 1))
        };
        let callers = (0..2 * callers).map(start).collect();
        Self { shared, callers }
    }

    /// Sends new requests to another sidecar. After this call, no request starts at the previous one.
    pub fn shift(&self, route: Route) {
        *self.shared.route.write().expect("nothing panics while it holds the lock") = route;
    }

    /// Requests sent so far.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.shared.sent.load(Ordering::Relaxed)
    }

    /// Stops the callers after their current requests.
    #[must_use]
    pub fn stop(self) -> Outcome {
        self.shared.stop.store(true, Ordering::Relaxed);
        for caller in self.callers {
            caller.join().expect("a caller does not panic");
        }
        let failures =
            self.shared.failures.lock().expect("nothing panics while it holds the lock").clone();
        Outcome { sent: self.shared.sent.load(Ordering::Relaxed), failures }
    }
}

impl Shared {
    fn call(&self, caller: u64, slow: bool) {
        let mut kept: Option<(SocketAddr, Connection)> = None;
        let mut number = caller * 1_000_000;
        while !self.stop.load(Ordering::Relaxed) {
            let route = self.route.read().expect("nothing panics while it holds the lock");
            let address = route.address;
            number += 1;
            self.sent.fetch_add(1, Ordering::Relaxed);
            let connection = kept.take().filter(|(known, _)| *known == address);
            let index = usize::try_from(number).unwrap_or(0) % self.calls.len();
            let call = self.calls[index].clone().keyed(&route.key);
            let request = call.request();
            match ask(connection.map(|(_, connection)| connection), route, &request, slow) {
                Ok((connection, response)) if call.is_answer(&response) => {
                    if !response.closes() {
                        kept = Some((address, connection));
                    }
                }
                Ok((_, response)) => {
                    let example = call.example.as_ref().map(ToString::to_string);
                    self.fail(format!(
                        "{number}: {} {}; expected {} {}",
                        response.status,
                        response.text(),
                        call.status,
                        example.unwrap_or_default()
                    ));
                }
                Err(error) => self.fail(format!("{number}: {error}")),
            }
            sleep(PAUSE);
        }
    }

    fn fail(&self, failure: String) {
        self.failures.lock().expect("nothing panics while it holds the lock").push(failure);
    }
}

/// Holds the lock of the route until the request has started, so that `shift` waits for it.
fn ask(
    kept: Option<Connection>,
    route: RwLockReadGuard<'_, Route>,
    request: &Request,
    slow: bool,
) -> io::Result<(Connection, Response)> {
    let mut connection = kept.map_or_else(|| Connection::open(route.address), Ok)?;
    let bytes = request.bytes("load");
    let (first, rest) = bytes.split_at(if slow { bytes.len() - 4 } else { bytes.len() });
    let mut sent = connection.send(first);
    drop(route);
    if slow {
        sleep(DAWDLE);
        sent = sent.and_then(|()| connection.send(rest));
    }
    let response = connection.answer(request, sent)?;
    Ok((connection, response))
}
