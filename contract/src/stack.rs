//! The stack under test: a real service behind the real nginx, on its own ports.
//!
//! As in ECS, it consists of two processes that get only environment variables. The document of the service determines
//! the required settings. Every test that changes a setting or owns a process starts its own stack. On drop, a stack
//! stops both processes, the sidecar first.

use crate::call::Call;
use crate::callers::{self, Callers};
use crate::http::{Request, Response};
use crate::metrics::Metrics;
use crate::port;
use crate::server::{self, Settings, set, start_api, start_sidecar};
pub use crate::server::{RuntimeDir, Server, api_process, sidecar_process};
use crate::service::{self, Service};
use crate::values::Values;
use crate::variant::{Prepared, Variant};
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

/// The settings of a stack.
#[derive(Debug, Clone)]
pub struct Builder {
    service: &'static Service,
    api: Settings,
    sidecar: Settings,
    wait_ready: bool,
    variant: Variant,
}

impl Builder {
    /// All keys in both processes, and limits that no test reaches.
    fn new(service: &'static Service) -> Self {
        let variant = Variant::default();
        let (api, sidecar) = (Vec::new(), Vec::new());
        let builder = Self { service, api, sidecar, wait_ready: true, variant };
        let builder = builder.api("LOG_LEVEL", "debug").limits(10_000, 10_000);
        if service.requires(Access::ApiKey) { builder.keys(&keys()) } else { builder }
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

    /// Starts this variant of the service. Only for [`Builder::start`].
    #[must_use]
    pub fn variant(mut self, variant: &Variant) -> Self {
        self.variant = variant.clone();
        self
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
        let variant = self.variant.prepare(self.service);
        let settings = [&self.api[..], &variant.environment].concat();
        let api = start_api(self.service, &settings, port::free());
        let sidecar = start_sidecar(self.service, &self.sidecar, api.address);
        let callers = Callers::default();
        let stack = Stack { sidecar, api, service: self.service, callers, variant };
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
    callers: Callers,
    variant: Prepared,
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

    /// The values of a new caller. The setup calls the service without the sidecar, so no limit of the sidecar counts it.
    /// Each caller has its own address, so no limit of the service counts two callers together.
    #[must_use]
    pub fn values(&self) -> Values {
        let run = |arguments: &[String]| {
            let mut command = Command::new(self.service.binary());
            command.args(arguments).env("STATE_DIR", self.api.process.state());
            command.envs(self.variant.environment.iter().cloned());
            server::run(&mut command);
        };
        Values::from_setup(self.service, KEY, self.caller(), run)
    }

    /// Sends requests to the service without the sidecar, from an address of its own.
    fn caller(&self) -> impl Fn(Request) -> Response {
        let address = callers::new_address().to_string();
        move |request| self.api.ask(&request.header("X-Client-Address", &address))
    }

    /// The values for one use of an operation: [`Callers::values_for`].
    #[must_use]
    pub fn values_for(&self, operation: &Operation) -> Values {
        let values = self.callers.values_for(self.service, operation, KEY, || self.values());
        self.service.prepare(operation, &values, self.caller());
        values
    }

    /// The values for a request that the service refuses, so it spends nothing: [`Callers::shared`].
    #[must_use]
    pub fn shared_values(&self, operation: &Operation) -> Values {
        self.callers.shared(self.service, operation, KEY, || self.values())
    }

    /// The valid case of an operation, for one use.
    #[must_use]
    pub fn call(&self, operation: &'static Operation) -> Call<'static> {
        Call::new(self.service, operation, &self.values_for(operation))
    }

    /// The valid case of an operation, with a caller that no other call uses.
    #[must_use]
    pub fn call_of_new_caller(&self, operation: &'static Operation) -> Call<'static> {
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
