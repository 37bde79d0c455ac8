//! What the tables of requests are held against: a stack of our own, or one that runs already.
//!
//! `CONTRACT_URL` (such as `http://127.0.0.1:8081`), `CONTRACT_KEY` and `CONTRACT_SERVICE` name a running one:
//! containers, or a task behind a balancer. Its limits are those of its document, so requests to it are spaced out,
//! over all tests together. A test that needs processes of its own is skipped there, and says so.

use crate::call::Call;
use crate::connection::Connection;
use crate::http::{Request, Response};
use crate::service::{self, Service};
use crate::stack::{KEY, Stack};
use crate::values::Values;
use chassis::document::Operation;
use std::env;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Mutex;
use std::thread::sleep;
use std::time::{Duration, Instant};

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
        /// What runs.
        service: &'static Service,
    },
}

impl Target {
    /// The running stack where one is named, else one of each service of the run.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let own = |service| Self::Own(Box::new(Stack::for_service(service).start()));
        running().map_or_else(|| service::all().into_iter().map(own).collect(), |it| vec![it])
    }

    /// What answers.
    #[must_use]
    pub fn service(&self) -> &'static Service {
        match self {
            Self::Own(stack) => stack.service,
            Self::Running { service, .. } => service,
        }
    }

    /// The values of a new caller.
    #[must_use]
    pub fn values(&self) -> Values {
        match self {
            Self::Own(stack) => stack.values(),
            Self::Running { key, service, .. } => {
                Values::from_setup(service, key, |request| self.ask(request))
            }
        }
    }

    /// The valid case of an operation, with new values.
    #[must_use]
    pub fn call(&self, operation: &'static Operation) -> Call<'static> {
        Call::new(self.service(), operation, &self.values())
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
            Self::Running { address, host, service, .. } => {
                pace(spacing(service));
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
    let own = env::var_os("CONTRACT_URL").is_none();
    if !own {
        println!(
            "SKIPPED: {test}: it starts processes of its own, and CONTRACT_URL names a running stack"
        );
    }
    own
}

/// Leaves the test, and says so, when it is the running stack that is tested.
#[macro_export]
macro_rules! own_stack_only {
    ($test:literal) => {
        if !$crate::target::owns_processes(concat!(module_path!(), "::", $test)) {
            return;
        }
    };
}

fn running() -> Option<Target> {
    let url = env::var("CONTRACT_URL").ok()?;
    let host = url
        .strip_prefix("http://")
        .expect("CONTRACT_URL begins with http://")
        .trim_end_matches('/');
    let named = if host.contains(':') { host.to_owned() } else { format!("{host}:80") };
    let mut addresses =
        named.to_socket_addrs().unwrap_or_else(|error| panic!("CONTRACT_URL {url}: {error}"));
    let address = addresses.next().unwrap_or_else(|| panic!("CONTRACT_URL {url} has no address"));
    let key = env::var("CONTRACT_KEY").expect("CONTRACT_KEY goes with CONTRACT_URL");
    let [service] = service::all()[..] else {
        panic!("CONTRACT_SERVICE goes with CONTRACT_URL: the folder of the service that runs")
    };
    Some(Target::Running { address, host: host.to_owned(), key, service })
}

/// Between two requests to a stack that is not ours: a little more than its lowest limit asks for.
fn spacing(service: &Service) -> Duration {
    let limits = service.document.service.limits.iter();
    let rate = limits.map(|limit| limit.rate).min().expect("every service has two limits");
    Duration::from_millis(1150) / rate
}

fn pace(spacing: Duration) {
    let mut next = NEXT.lock().expect("nothing panics while it holds the lock");
    if let Some(next) = *next {
        sleep(next.saturating_duration_since(Instant::now()));
    }
    *next = Some(Instant::now() + spacing);
}
