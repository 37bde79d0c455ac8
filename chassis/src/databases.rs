//! Real servers for tests, from Debian's packages: `PostgreSQL`, `PgBouncer`, `Redis` and `RabbitMQ`. `SQS` is emulated. With
//! the feature `test-databases`.
//!
//! Each server has a free port and a temporary folder. It ends with its value, also after a panic, and with the thread
//! that started it. If the test process is killed, the kernel stops the server.

#![expect(
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    reason = "a panic makes a test fail, also in a helper of tests"
)]

mod certificates;
mod gate;
mod pgbouncer;
mod rabbitmq;
mod redis;
mod sqs;

pub use self::certificates::certificates;
pub use self::gate::Gate;
pub use self::pgbouncer::PgBouncer;
pub use self::rabbitmq::RabbitMq;
pub use self::redis::Redis;
pub use self::sqs::Sqs;

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The time in which a server must start. `RabbitMQ` took 50 s on a busy machine.
const START: Duration = Duration::from_mins(3);
/// The ports that a server can get. The contract suite gives the ports above them to services.
const PORTS: Range<u16> = 14_000..20_000;

/// Whether both servers are installed. If one is not, prints that the test is skipped.
#[must_use]
pub fn can_start(test: &str) -> bool {
    let missing = if programs().is_none() {
        "postgresql"
    } else if find("pgbouncer").is_none() {
        "pgbouncer"
    } else {
        return true;
    };
    println!("SKIPPED: {test}: the Debian package {missing} is not installed");
    false
}

/// The folder of the newest PostgreSQL. Debian does not put it on the search path.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let version = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let newest = versions.flatten().max_by_key(|entry| version(&entry.path()))?;
    Some(newest.path().join("bin")).filter(|bin| bin.join("postgres").exists())
}

fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin")])
        .map(|folder| folder.join(program))
        .find(|program| program.exists())
}

/// A command as the user `postgres` if this process is root: the servers refuse to run as root. The command gets a
/// signal when the thread that starts it ends.
fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "INT"]);
    if is_root() {
        command.args(["--reuid", "postgres", "--regid", "postgres", "--clear-groups"]);
    }
    command.arg("--").arg(program).env_clear().env("LC_ALL", "C").current_dir("/");
    command
}

fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A folder that the user of the servers owns.
fn folder() -> TempDir {
    let folder = tempfile::Builder::new().prefix("database-").tempdir().unwrap();
    give(folder.path());
    folder
}

fn give(path: &Path) {
    if is_root() {
        run(Command::new("chown").args(["-R", "postgres:postgres"]).arg(path));
    }
}

/// A port below those that the kernel gives to outgoing connections. So no client takes the port of a server that is
/// started again.
#[must_use]
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = process::id().wrapping_mul(7919);
    let count = u32::from(PORTS.end - PORTS.start);
    (0..count)
        .map(|_| {
            let offset = start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed).into());
            PORTS.start + u16::try_from(offset % count).unwrap()
        })
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .unwrap()
}

/// A process that ends with this value.
#[derive(Debug)]
pub struct Process(Child);

impl Process {
    /// Starts a server and waits until its port accepts connections.
    pub fn start(command: &mut Command, port: u16, log: &Path) -> Self {
        let output = fs::File::create(log).unwrap();
        command.stdin(Stdio::null()).stdout(output.try_clone().unwrap()).stderr(output);
        let mut process = Self(command.spawn().unwrap());
        let start = Instant::now();
        while let Err(error) = TcpStream::connect(("127.0.0.1", port)) {
            let ended = process.0.try_wait().unwrap();
            let log = || fs::read_to_string(log).unwrap();
            let waits = ended.is_none() && start.elapsed() < START;
            assert!(waits, "{command:?}: {error}, {ended:?}: {}", log());
            sleep(Duration::from_millis(20));
        }
        process
    }

    /// Sends a signal such as `-STOP`. The process can have ended.
    fn signal(&self, signal: &str) {
        Command::new("kill").args([signal, &self.0.id().to_string()]).output().unwrap();
    }

    /// SIGINT is the fast shutdown of PostgreSQL, and the safe one of the others.
    fn stop(&mut self) -> io::Result<()> {
        if self.0.try_wait()?.is_none() {
            run(Command::new("kill").args(["-INT", &self.0.id().to_string()]));
            let start = Instant::now();
            while self.0.try_wait()?.is_none() {
                if start.elapsed() > Duration::from_secs(20) {
                    self.0.kill()?;
                }
                sleep(Duration::from_millis(10));
            }
        }
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.stop());
    }
}

/// A `PostgreSQL` server. Its superuser is `postgres`, without a password.
#[derive(Debug)]
pub struct Postgres {
    process: Option<Process>,
    port: u16,
    folder: TempDir,
    arguments: Vec<String>,
}

impl Postgres {
    /// A new server, with these settings in addition (`name=value`).
    #[must_use]
    pub fn start(settings: &[&str]) -> Self {
        Self::with_files(settings, &[])
    }

    /// A new server with files in its data folder.
    #[must_use]
    pub fn with_files(settings: &[&str], files: &[&Path]) -> Self {
        let (folder, port) = (folder(), free_port());
        let data = folder.path().join("data");
        let initdb = programs().unwrap().join("initdb");
        let initialize = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync", "-D"];
        run(command(initdb).args(initialize).arg(&data));
        for file in files {
            fs::copy(file, data.join(file.file_name().unwrap())).unwrap();
        }
        give(&data);
        let fixed = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off"];
        let mut arguments = vec!["-D".into(), data.display().to_string()];
        arguments.extend(["-p".into(), port.to_string()]);
        for setting in fixed.iter().chain(settings) {
            arguments.extend(["-c".into(), (*setting).to_owned()]);
        }
        let mut server = Self { process: None, port, folder, arguments };
        server.start_again();
        server
    }

    /// Starts the server again on the same port and data.
    pub fn start_again(&mut self) {
        let mut command = command(programs().unwrap().join("postgres"));
        let log = self.folder.path().join("log");
        self.process = Some(Process::start(command.args(&self.arguments), self.port, &log));
        // The port is open before the server accepts sessions.
        let mut ready = Command::new(programs().unwrap().join("pg_isready"));
        ready.args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()]);
        let start = Instant::now();
        while !ready.status().unwrap().success() {
            assert!(start.elapsed() < START, "{}", fs::read_to_string(&log).unwrap());
            sleep(Duration::from_millis(20));
        }
    }

    /// Stops the server. Its clients lose their connections.
    pub fn stop(&mut self) {
        self.process.take().unwrap().stop().unwrap();
    }

    /// Ends the server at once, without writing anything back.
    pub fn crash(&mut self) {
        self.signal("-QUIT");
        self.stop();
    }

    /// Makes the server accept connections without any answer (`-STOP`), until `-CONT`.
    pub fn signal(&self, signal: &str) {
        let Some(process) = &self.process else { return };
        // First the one that starts the others: the server has a process for each connection.
        process.signal(signal);
        let postmaster = process.0.id();
        let children = format!("/proc/{postmaster}/task/{postmaster}/children");
        for child in fs::read_to_string(children).unwrap_or_default().split_whitespace() {
            // It can have ended in the meantime.
            Command::new("kill").args([signal, child]).output().unwrap();
        }
    }

    /// The log of the server since its last start.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// The URL of a database.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }
}

/// A test that fails can leave the server stopped by a signal.
impl Drop for Postgres {
    fn drop(&mut self) {
        self.signal("-CONT");
    }
}
