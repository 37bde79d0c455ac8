//! Starts one process of a stack: the API with a directory for its state, or the sidecar with one for its rendered
//! configuration.

use crate::binary;
use crate::connection::Connection;
use crate::http::{Request, Response};
use crate::port;
use crate::process::{Process, Signal};
use crate::service::Service;
use crate::wait;
use chassis::document::Access;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs};

/// Signs the tokens of every stack.
const JWT_KEYS: &str = "contract:Y29udHJhY3QtY29udHJhY3QtY29udHJhY3QtY29udHJhY3Q";

/// Environment variables.
pub(crate) type Settings = Vec<(String, String)>;

/// Sets a variable.
pub(crate) fn set(settings: &mut Settings, name: &str, value: &str) {
    settings.retain(|(other, _)| other != name);
    settings.push((name.into(), value.into()));
}

/// One of the two processes.
#[derive(Debug)]
pub struct Server {
    /// The process.
    pub process: Process,
    /// The address on which it listens.
    pub address: SocketAddr,
    /// The private listener. Only the API has one.
    pub metrics: Option<SocketAddr>,
    /// The directory of the rendered configuration. Only the sidecar has one.
    pub runtime: Option<RuntimeDir>,
}

impl Server {
    /// A new connection.
    #[must_use]
    pub fn connect(&self) -> Connection {
        Connection::open(self.address).expect("it accepts connections")
    }

    /// One request on its own connection.
    #[must_use]
    pub fn ask(&self, request: &Request) -> Response {
        self.connect().ask(request).unwrap_or_else(|error| panic!("{request:?}: {error}"))
    }
}

/// Runs a command of a service's program to its end.
pub(crate) fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {complaints}");
}

/// A directory that is removed when this value is dropped.
#[derive(Debug)]
pub struct RuntimeDir(PathBuf);

impl RuntimeDir {
    /// A new directory. The workers of nginx, which can run as another user, can enter it.
    #[must_use]
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("contract-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).expect("the temporary directory takes another");
        Self(path)
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Default for RuntimeDir {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for RuntimeDir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Starts the API and waits until it answers.
pub(crate) fn start_api(service: &Service, settings: &Settings, address: SocketAddr) -> Server {
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
    let state = RuntimeDir::new();
    let mut environment = service.environment.clone();
    environment.extend([
        ("LISTEN".into(), address.to_string()),
        ("STATE_DIR".into(), state.path().display().to_string()),
        // Several stacks run at the same time.
        ("METRICS_LISTEN".into(), "127.0.0.1:0".into()),
    ]);
    if service.requires(Access::Bearer) {
        environment.push(("JWT_KEYS".into(), JWT_KEYS.into()));
    }
    environment.extend_from_slice(settings);
    Process::start(Command::new(service.binary()), &environment, Signal::TERM).with_state(state)
}

/// Starts the sidecar and waits until it answers.
pub(crate) fn start_sidecar(service: &Service, settings: &Settings, api: SocketAddr) -> Server {
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
