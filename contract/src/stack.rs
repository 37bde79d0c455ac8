//! The stack under test: a real service behind the real nginx, on its own ports.
//!
//! As in ECS, it consists of two processes that get only environment variables. The document of the service determines
//! the required settings. Every test that changes a setting or owns a process starts its own stack. On drop, a stack
//! stops both processes, the sidecar first.

use crate::binary;
use crate::call::Call;
use crate::connection::Connection;
use crate::http::{Request, Response};
use crate::metrics::Metrics;
use crate::port;
use crate::process::{Process, Signal};
pub use crate::server::{RuntimeDir, Server};
use crate::service::{self, Service};
use crate::values::Values;
use crate::wait;
use chassis::document::{Access, Operation};
use std::net::SocketAddr;
use std::process::Command;

/// The default key of the client `acme`.
pub const KEY: &str = "Contract-Key.of_ACME-1";
/// The number of additional clients `c1`, `c2` and so on. Each is used by one test, so that it has its own limit.
pub const CLIENTS: u8 = 60;

/// The key of client `c{number}`.
#[must_use]
pub fn client_key(number: u8) -> String {
    format!("Key-of-client.{number:02}")
}

/// The default `API_KEY`: `acme` and the numbered clients.
#[must_use]
pub fn keys() -> String {
    let clients = (1..=CLIENTS).map(|number| format!(",c{number}:{}", client_key(number)));
    std::iter::once(format!("acme:{KEY}")).chain(clients).collect()
}

/// Signs the tokens of every stack.
const JWT_KEYS: &str = "contract:Y29udHJhY3QtY29udHJhY3QtY29udHJhY3QtY29udHJhY3Q";

type Settings = Vec<(String, String)>;

fn set(settings: &mut Settings, name: &str, value: &str) {
    settings.retain(|(other, _)| other != name);
    settings.push((name.into(), value.into()));
}

/// The settings of a stack.
#[derive(Debug, Clone)]
pub struct Builder {
    service: &'static Service,
    api: Settings,
    sidecar: Settings,
    wait_ready: bool,
}

impl Builder {
    /// All keys in both processes, and limits that no test reaches.
    fn new(service: &'static Service) -> Self {
        let builder = Self { service, api: Vec::new(), sidecar: Vec::new(), wait_ready: true };
        let builder = builder.api("LOG_LEVEL", "debug").limits(10_000, 10_000);
        let builder =
            if service.requires(Access::ApiKey) { builder.keys(&keys()) } else { builder };
        if service.requires(Access::Bearer) { builder.api("JWT_KEYS", JWT_KEYS) } else { builder }
    }

    /// Sets all limits to these numbers.
    #[must_use]
    pub fn limits(self, rate: u32, burst: u32) -> Self {
        let named = self.service.document.service.limits.iter();
        let named: Vec<String> = named
            .filter(|limit| !["client", "address"].contains(&limit.name.as_str()))
            .map(|limit| format!("{}={rate}:{burst}", limit.name))
            .collect();
        let (rate, burst) = (rate.to_string(), burst.to_string());
        let builder = self.sidecar("RATE_LIMIT", &rate).sidecar("RATE_LIMIT_BURST", &burst);
        if named.is_empty() { builder } else { builder.sidecar("RATE_LIMITS", &named.join(",")) }
    }

    /// Sets a variable of the API.
    #[must_use]
    pub fn api(mut self, name: &str, value: &str) -> Self {
        set(&mut self.api, name, value);
        self
    }

    /// Removes a variable of the API.
    #[must_use]
    pub fn api_without(mut self, name: &str) -> Self {
        self.api.retain(|(other, _)| other != name);
        self
    }

    /// Sets a variable of the sidecar.
    #[must_use]
    pub fn sidecar(mut self, name: &str, value: &str) -> Self {
        set(&mut self.sidecar, name, value);
        self
    }

    /// Sets the same keys for both processes.
    #[must_use]
    pub fn keys(self, keys: &str) -> Self {
        self.api("API_KEY", keys).sidecar("API_KEY", keys)
    }

    /// Uses the limits of the document. Without this, no test reaches the limits.
    #[must_use]
    pub fn limited(mut self) -> Self {
        self.sidecar.retain(|(name, _)| !name.starts_with("RATE_LIMIT"));
        self
    }

    /// Reads the keys from a parameter store that does not answer, so the service never becomes ready.
    #[must_use]
    pub fn without_ssm(self) -> Self {
        self.api_without("API_KEY")
            .api("API_KEY_PARAMETER", "/contract/keys")
            .api("AWS_ENDPOINT_URL_SSM", "http://127.0.0.1:9")
            .api("AWS_REGION", "eu-central-1")
            .api("AWS_ACCESS_KEY_ID", "test")
            .api("AWS_SECRET_ACCESS_KEY", "test")
            .never_ready()
    }

    /// Waits only until both processes accept connections, not until the API is ready.
    #[must_use]
    pub fn never_ready(mut self) -> Self {
        self.wait_ready = false;
        self
    }

    /// Starts both processes and waits.
    #[must_use]
    pub fn start(self) -> Stack {
        let api = start_api(self.service, &self.api, port::free());
        let sidecar = start_sidecar(self.service, &self.sidecar, api.address);
        let stack = Stack { sidecar, api, service: self.service };
        if self.wait_ready {
            stack.wait_ready();
        }
        stack
    }

    /// Starts only the sidecar, in front of another server.
    #[must_use]
    pub fn start_sidecar(self, api: SocketAddr) -> Server {
        start_sidecar(self.service, &self.sidecar, api)
    }

    /// Starts only the API.
    #[must_use]
    pub fn start_api(self) -> Server {
        self.start_api_at(port::free())
    }

    /// Starts only the API, on the address of one that has ended.
    #[must_use]
    pub fn start_api_at(self, address: SocketAddr) -> Server {
        start_api(self.service, &self.api, address)
    }
}

/// Both processes. They stop in the order of the fields.
#[derive(Debug)]
pub struct Stack {
    /// nginx.
    pub sidecar: Server,
    /// The service's process.
    pub api: Server,
    /// The running service.
    pub service: &'static Service,
}

impl Stack {
    /// A stack of a service, with the settings that its document requires.
    #[must_use]
    pub fn for_service(service: &'static Service) -> Builder {
        Builder::new(service)
    }

    /// A stack of the service of [`service::keyed`], for tests that do not depend on the service.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::new(service::keyed().0)
    }

    /// Starts the stack of [`Stack::builder`].
    #[must_use]
    pub fn start() -> Self {
        Self::builder().start()
    }

    /// The values of a new caller. The setup calls the service without the sidecar, so no limit counts it.
    #[must_use]
    pub fn values(&self) -> Values {
        Values::from_setup(self.service, KEY, |request| self.api.ask(request))
    }

    /// The valid case of an operation, with new values.
    #[must_use]
    pub fn call(&self, operation: &'static Operation) -> Call<'static> {
        Call::new(self.service, operation, &self.values())
    }

    /// One request through the sidecar, on its own connection.
    #[must_use]
    pub fn ask(&self, request: &Request) -> Response {
        self.sidecar.ask(request)
    }

    /// The metrics of the API.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        Metrics::at(self.api.metrics.expect("the API has a private listener"))
    }

    /// Waits until the readiness probe succeeds through the sidecar.
    pub fn wait_ready(&self) {
        wait::until("readiness", || {
            if let Some(status) = self.api.process.ended() {
                panic!("the API ends ({status}):\n{}", self.api.process.log.text());
            }
            self.ask(&Request::get("/readyz")).status == 200
        });
    }
}

fn start_api(service: &Service, settings: &Settings, address: SocketAddr) -> Server {
    let metrics = port::free();
    let mut settings = settings.clone();
    set(&mut settings, "METRICS_LISTEN", &metrics.to_string());
    let process = api_process(service, &settings, address);
    wait_accepting(&process, address);
    Server { process, address, metrics: Some(metrics), runtime: None }
}

/// Starts the API without waiting. For starts that fail.
#[must_use]
pub fn api_process(
    service: &Service,
    settings: &[(String, String)],
    address: SocketAddr,
) -> Process {
    let mut environment = vec![
        ("LISTEN".into(), address.to_string()),
        // Several stacks run at the same time.
        ("METRICS_LISTEN".into(), "127.0.0.1:0".into()),
    ];
    if service.requires(Access::Bearer) {
        environment.push(("JWT_KEYS".into(), JWT_KEYS.into()));
    }
    environment.extend_from_slice(settings);
    Process::start(Command::new(service.binary()), &environment, Signal::TERM)
}

fn start_sidecar(service: &Service, settings: &Settings, api: SocketAddr) -> Server {
    let (address, runtime) = (port::free(), RuntimeDir::new());
    let process = sidecar_process(service, settings, address, api, &runtime);
    wait_accepting(&process, address);
    Server { process, address, metrics: None, runtime: Some(runtime) }
}

/// Starts the sidecar without waiting. For starts that fail.
#[must_use]
pub fn sidecar_process(
    service: &Service,
    settings: &[(String, String)],
    address: SocketAddr,
    api: SocketAddr,
    runtime: &RuntimeDir,
) -> Process {
    binary::nginx_version(); // Panics with a clear message if there is no nginx.
    let mut environment = vec![
        // All addresses, as in a task. Some tests call from another loopback address.
        ("LISTEN".into(), format!("0.0.0.0:{}", address.port())),
        ("API_ADDRESS".into(), api.to_string()),
        ("RUNTIME_DIR".into(), runtime.path().display().to_string()),
        ("OPENAPI_DOCUMENT".into(), service.document_path().display().to_string()),
    ];
    environment.extend_from_slice(settings);
    Process::start(Command::new(binary::path("sidecar")), &environment, Signal::QUIT)
}

fn wait_accepting(process: &Process, address: SocketAddr) {
    wait::until("a listening process", || {
        if let Some(status) = process.ended() {
            process.log.wait_for_end();
            panic!("the process does not start ({status}):\n{}", process.log.text());
        }
        // A connection is not enough, because `nginx -t` also listens for a moment. Wait for a response. Both processes
        // answer this request themselves, and no limit counts it.
        let probe = Request::new("TRACE", "/healthz").header("User-Agent", "contract-start");
        Connection::open(address).and_then(|mut connection| connection.ask(&probe)).is_ok()
    });
}
