//! The target of the tables of requests: a stack that the test starts, or a running one.
//!
//! `CONTRACT_URL` (such as `http://127.0.0.1:8081`), `CONTRACT_KEY` and `CONTRACT_SERVICE` name a running stack:
//! containers, or a task behind a balancer. It has the limits of its document, so all tests together pause between
//! requests. A test that starts its own processes prints that it is skipped.

use crate::call::Call;
use crate::callers::Callers;
use crate::connection::Connection;
use crate::http::{Request, Response};
use crate::server;
use crate::service::{self, Service};
use crate::stack::{KEY, Stack};
use crate::values::Values;
use crate::variant::Variant;
use chassis::document::Operation;
use std::env;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::process::Command;
use std::sync::Mutex;
use std::thread::sleep;
use std::time::{Duration, Instant};

static NEXT: Mutex<Option<Instant>> = Mutex::new(None);

/// A stack that answers.
#[derive(Debug)]
pub enum Target {
    /// Started by this test.
    Own(Box<Stack>),
    /// Already running.
    Running {
        /// The address of its sidecar or its balancer.
        address: SocketAddr,
        /// The value of `Host`.
        host: String,
        /// A key that it accepts.
        key: String,
        /// The running service.
        service: &'static Service,
        /// Its callers.
        callers: Callers,
    },
}

impl Target {
    /// The running stack if the environment names one, otherwise a stack of each service of the run.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let own = |service| Self::start(service, &Variant::default());
        running().map_or_else(|| service::all().into_iter().map(own).collect(), |it| vec![it])
    }

    /// A stack of a variant of a service.
    #[must_use]
    pub fn start(service: &'static Service, variant: &Variant) -> Self {
        Self::Own(Box::new(Stack::for_service(service).variant(variant).start()))
    }

    /// The service of the target.
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
                Values::from_setup(service, key, |request| self.ask(&request), run)
            }
        }
    }

    /// The values for one use of an operation: [`Callers::values_for`].
    #[must_use]
    pub fn values_for(&self, operation: &Operation) -> Values {
        match self {
            Self::Own(stack) => stack.values_for(operation),
            Self::Running { key, service, callers, .. } => {
                let values = callers.values_for(service, operation, key, || self.values());
                service.prepare(operation, &values, |request| self.ask(&request));
                values
            }
        }
    }

    /// The values for a request that the service refuses: [`Callers::shared`].
    #[must_use]
    pub fn shared_values(&self, operation: &Operation) -> Values {
        match self {
            Self::Own(stack) => stack.shared_values(operation),
            Self::Running { key, service, callers, .. } => {
                callers.shared(service, operation, key, || self.values())
            }
        }
    }

    /// The valid case of an operation, for one use.
    #[must_use]
    pub fn call(&self, operation: &'static Operation) -> Call<'static> {
        Call::new(self.service(), operation, &self.values_for(operation))
    }

    /// A key that it accepts.
    #[must_use]
    pub fn key(&self) -> &str {
        match self {
            Self::Own(_) => KEY,
            Self::Running { key, .. } => key,
        }
    }

    /// A new connection. For a running stack, waits until its limit allows another request.
    pub fn connect(&self) -> io::Result<Connection> {
        match self {
            Self::Own(stack) => Connection::open(stack.sidecar.address),
            Self::Running { address, host, service, .. } => {
                pace(spacing(service));
                Ok(Connection::open(*address)?.with_host(host))
            }
        }
    }

    /// One request on its own connection.
    #[must_use]
    pub fn ask(&self, request: &Request) -> Response {
        let answer = self.connect().and_then(|mut connection| connection.ask(request));
        answer.unwrap_or_else(|error| panic!("{request:?}: {error}"))
    }
}

/// Whether tests that start their own processes can run. If they cannot, prints that the test is skipped.
#[must_use]
pub fn owns_processes(test: &str) -> bool {
    let own = env::var_os("CONTRACT_URL").is_none();
    if !own {
        println!(
            "SKIPPED: {test}: it starts its own processes, but CONTRACT_URL names a running stack"
        );
    }
    own
}

/// Skips the test and prints that, if `CONTRACT_URL` names a running stack.
#[macro_export]
macro_rules! own_stack_only {
    ($test:literal) => {
        if !$crate::target::owns_processes(concat!(module_path!(), "::", $test)) {
            return;
        }
    };
}

/// Runs a command of the program of the running stack.
fn run(arguments: &[String]) {
    let program = env::var("CONTRACT_COMMAND")
        .expect("setup.json has a command, so CONTRACT_URL requires CONTRACT_COMMAND");
    let mut words = program.split_whitespace();
    let mut command = Command::new(words.next().expect("CONTRACT_COMMAND is not empty"));
    server::run(command.args(words).args(arguments));
}

/// The running stack, if the environment names one.
#[must_use]
pub fn running() -> Option<Target> {
    let url = env::var("CONTRACT_URL").ok()?;
    let host = url
        .strip_prefix("http://")
        .expect("CONTRACT_URL begins with http://")
        .trim_end_matches('/');
    let named = if host.contains(':') { host.to_owned() } else { format!("{host}:80") };
    let mut addresses =
        named.to_socket_addrs().unwrap_or_else(|error| panic!("CONTRACT_URL {url}: {error}"));
    let address = addresses.next().unwrap_or_else(|| panic!("CONTRACT_URL {url} has no address"));
    let key = env::var("CONTRACT_KEY").expect("CONTRACT_URL requires CONTRACT_KEY");
    let [service] = service::all()[..] else {
        panic!("CONTRACT_URL requires CONTRACT_SERVICE: the folder of the running service")
    };
    let callers = Callers::default();
    Some(Target::Running { address, host: host.to_owned(), key, service, callers })
}

/// The pause between two requests to a running stack: slightly longer than its lowest limit requires.
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
