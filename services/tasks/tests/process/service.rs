//! A process of the service: its settings, its log, its signals and its end.

use super::http::{Response, get};
use super::{PATIENCE, until};
use std::io::{BufRead as _, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

/// The program of this release.
pub(crate) const TASKS: &str = env!("CARGO_BIN_EXE_tasks");
/// The program of the next release, which has one more migration.
pub(crate) const NEXT: &str = env!("CARGO_BIN_EXE_tasks-next");

/// The program that attempts what an isolated process must not do.
pub(crate) const ATTEMPTS: &str = env!("CARGO_BIN_EXE_tasks-attempts");

/// The first key, which signs unless a test says otherwise.
pub(crate) const KEY: &str = "k1:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE";
/// A second key.
pub(crate) const OTHER_KEY: &str = "k2:QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY";

/// Lines of the log that a failed test shows.
const SHOWN: usize = 20;

/// The environment of a process, and nothing else.
#[derive(Debug, Clone)]
pub(crate) struct Settings(Vec<(&'static str, String)>);

impl Settings {
    /// A process on PostgreSQL, or on a PgBouncer if `DATABASE_POOLER` is set.
    pub(crate) fn postgres(url: &str) -> Self {
        Self::any().with("DATABASE_URL", url).with("JWT_KEYS", KEY).with("REGISTRATION", "open")
    }

    /// A process on a SQLite file, with a key of its own.
    pub(crate) fn sqlite(file: &Path) -> Self {
        Self::any().with("DATABASE_URL", format!("sqlite:{}", file.display()))
    }

    /// Free ports. No test waits for the balancer, because each test moves its requests by itself.
    fn any() -> Self {
        let settings = [
            ("LISTEN", "127.0.0.1:0"),
            ("METRICS_LISTEN", "127.0.0.1:0"),
            ("DRAIN_GRACE", "100ms"),
            // For the results. No two tasks have the same one.
            ("STATE_DIR", concat!(env!("CARGO_TARGET_TMPDIR"), "/tasks-state")),
            ("REGISTRATIONS_PER_ADDRESS", "10000"),
        ];
        Self(settings.map(|(name, value)| (name, value.to_owned())).into())
    }

    /// Sets a variable.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.0.retain(|(known, _)| *known != name);
        self.0.push((name, value.into()));
        self
    }

    /// Removes a variable.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.0.retain(|(known, _)| *known != name);
        self
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).env_clear().envs(self.0.iter().cloned());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

/// Runs a command to its end.
pub(crate) fn run(program: &str, arguments: &[&str], settings: &Settings) -> Output {
    settings.command(program, arguments).output().unwrap()
}

/// Runs `migrate`.
#[track_caller]
pub(crate) fn migrate(program: &str, settings: &Settings) {
    let output = run(program, &["migrate"], settings);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A process that serves. It is killed with its value.
pub(crate) struct Service {
    child: Child,
    pub(crate) address: SocketAddr,
    log: Arc<Mutex<Vec<String>>>,
}

impl Service {
    /// Starts a process and waits until it is ready.
    #[track_caller]
    pub(crate) fn start(program: &str, settings: &Settings) -> Self {
        Self::launch(program, settings).once_ready()
    }

    /// Starts a process that only runs jobs, and waits until it is ready. Its address is that of the private listener.
    #[track_caller]
    pub(crate) fn worker(settings: &Settings) -> Self {
        Self::launch_command(TASKS, "worker", settings).once_ready()
    }

    #[track_caller]
    fn once_ready(mut self) -> Self {
        until("readiness", PATIENCE, || {
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "{ended:?}: {}", self.log());
            self.readiness(false).status == 200
        });
        self
    }

    /// Starts two processes, which share a database.
    #[track_caller]
    pub(crate) fn pair(settings: &Settings) -> [Self; 2] {
        [(); 2].map(|()| Self::start(TASKS, settings))
    }

    /// Starts a process and waits until it listens.
    #[track_caller]
    pub(crate) fn launch(program: &str, settings: &Settings) -> Self {
        Self::launch_command(program, "serve", settings)
    }

    #[track_caller]
    fn launch_command(program: &str, command: &str, settings: &Settings) -> Self {
        let mut child = settings.command(program, &[command]).spawn().unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        collect(stdout, Arc::clone(&log));
        collect(stderr, Arc::clone(&log));
        let mut service = Self { child, address: ([0, 0, 0, 0], 0).into(), log };
        until("the address in the log", PATIENCE, || {
            let ended = service.child.try_wait().unwrap();
            assert!(ended.is_none(), "{ended:?}: {}", service.log());
            let address = service.logged("address").or_else(|| service.logged("metrics_address"));
            address.is_some_and(|address| {
                service.address = address;
                true
            })
        });
        service
    }

    /// An address in the first line of the log.
    fn logged(&self, member: &str) -> Option<SocketAddr> {
        let log = self.log.lock().unwrap();
        let line = log.iter().find(|line| line.contains("\"listening\""))?;
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        Some(line[member].as_str()?.parse().unwrap())
    }

    /// All lines so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().join("\n")
    }

    /// The response of `/readyz`. `shallow` is the query of the load balancer.
    pub(crate) fn readiness(&self, shallow: bool) -> Response {
        get(self.address, if shallow { "/readyz?shallow=1" } else { "/readyz" })
    }

    /// The memory of the process in bytes.
    pub(crate) fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    /// Sends SIGTERM and waits for the end. Requests in flight must have ended.
    #[track_caller]
    pub(crate) fn drain(mut self) {
        self.terminate();
        assert_eq!(self.exit_code(), 0, "{}", self.log());
        until("the end of the log", PATIENCE, || self.log().contains("drain ends"));
        assert!(!self.log().contains("connections were cut"), "{}", self.log());
    }

    /// Sends SIGTERM.
    pub(crate) fn terminate(&self) {
        self.signal("-TERM");
    }

    /// Sends a signal such as `-STOP`.
    pub(crate) fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }

    /// The number of the process. The names of its workers contain it.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The metrics of the private listener.
    pub(crate) fn metrics(&self) -> String {
        get(self.logged("metrics_address").unwrap(), "/metrics").expect(200).body
    }

    /// Waits for the end.
    #[track_caller]
    pub(crate) fn exit_code(&mut self) -> i32 {
        let mut status = None;
        until("the end of the process", PATIENCE, || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap().code().unwrap_or_else(|| panic!("{status:?}: {}", self.log()))
    }
}

/// Where these processes listen.
pub(crate) fn addresses<const N: usize>(services: &[Service; N]) -> [SocketAddr; N] {
    services.each_ref().map(|service| service.address)
}

/// Reads a stream until its end.
fn collect(stream: impl Read + Send + 'static, log: Arc<Mutex<Vec<String>>>) {
    thread::spawn(move || {
        let lines = BufReader::new(stream).lines().map_while(Result::ok);
        lines.for_each(|line| log.lock().unwrap().push(line));
    });
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
        if thread::panicking() {
            let log = self.log();
            let skipped = log.lines().count().saturating_sub(SHOWN);
            println!("--- the end of the log of {}", self.address);
            log.lines().skip(skipped).for_each(|line| println!("{line}"));
        }
    }
}
