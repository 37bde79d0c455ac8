//! What the tables of requests are held against: a stack of our own, or one that runs already.
//!
//! `SUM_API_URL` (such as `http://127.0.0.1:8081`) and `SUM_API_KEY` name a running one: containers, or a
//! task behind a balancer. Its limits are those of the contract, so requests to it are spaced out, over all
//! tests together. What a test needs to own cannot be tested there, and is skipped aloud.

use crate::connection::Connection;
use crate::http::{Request, Response};
use crate::stack::{KEY, Stack};
use std::env;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Mutex;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Between two requests to a stack that is not ours: a little more than its limit of 5 a second asks for.
const SPACING: Duration = Duration::from_millis(230);

static NEXT: Mutex<Option<Instant>> = Mutex::new(None);

/// A stack that answers.
#[derive(Debug)]
pub enum Target {
    /// Started by this test.
    Own(Box<Stack>),
    /// Running already.
    Running {
        /// Where its sidecar, or its balancer, listens.
        address: SocketAddr,
        /// The name to call it by.
        host: String,
        /// A key that it knows.
        key: String,
    },
}

impl Target {
    /// The running stack where one is named, else a fresh one.
    #[must_use]
    pub fn start() -> Self {
        running().unwrap_or_else(|| Self::Own(Box::new(Stack::start())))
    }

    /// A key that it knows.
    #[must_use]
    pub fn key(&self) -> &str {
        match self {
            Self::Own(_) => KEY,
            Self::Running { key, .. } => key,
        }
    }

    /// A new connection; to a running stack not before its limit allows another request.
    pub fn connect(&self) -> io::Result<Connection> {
        match self {
            Self::Own(stack) => Connection::open(stack.sidecar.address),
            Self::Running { address, host, .. } => {
                pace();
                Ok(Connection::open(*address)?.with_host(host))
            }
        }
    }

    /// One request on a connection of its own.
    #[must_use]
    pub fn ask(&self, request: &Request) -> Response {
        let answer = self.connect().and_then(|mut connection| connection.ask(request));
        answer.unwrap_or_else(|error| panic!("{request:?}: {error}"))
    }
}

/// Whether tests that start their own processes can run. Says that the test is skipped when they cannot.
#[must_use]
pub fn owns_processes(test: &str) -> bool {
    let own = env::var_os("SUM_API_URL").is_none();
    if !own {
        println!(
            "SKIPPED: {test}: it starts processes of its own, and SUM_API_URL names a running stack"
        );
    }
    own
}

/// Leaves the test, aloud, when it is the running stack that is tested.
#[macro_export]
macro_rules! own_stack_only {
    ($test:literal) => {
        if !$crate::target::owns_processes(concat!(module_path!(), "::", $test)) {
            return;
        }
    };
}

fn running() -> Option<Target> {
    let url = env::var("SUM_API_URL").ok()?;
    let host =
        url.strip_prefix("http://").expect("SUM_API_URL begins with http://").trim_end_matches('/');
    let named = if host.contains(':') { host.to_owned() } else { format!("{host}:80") };
    let mut addresses =
        named.to_socket_addrs().unwrap_or_else(|error| panic!("SUM_API_URL {url}: {error}"));
    let address = addresses.next().unwrap_or_else(|| panic!("SUM_API_URL {url} has no address"));
    let key = env::var("SUM_API_KEY").expect("SUM_API_KEY goes with SUM_API_URL");
    Some(Target::Running { address, host: host.to_owned(), key })
}

fn pace() {
    let mut next = NEXT.lock().expect("nothing panics while it holds the lock");
    if let Some(next) = *next {
        sleep(next.saturating_duration_since(Instant::now()));
    }
    *next = Some(Instant::now() + SPACING);
}
