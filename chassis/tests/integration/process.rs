//! The real process. A test starts it on a free port, reads its log and ends it.

use crate::support::SIGNING;
use serde_json::Value;
use std::collections::VecDeque;
use std::env;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::sync::LazyLock;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Long enough for a busy machine. A passing test never waits this long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// `parcels` with a clean environment, without a developer's settings. It signs tokens with [`SIGNING`] unless
/// `environment` sets another key.
pub(crate) fn parcels(arguments: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = unsigned(arguments, environment);
    if !environment.iter().any(|(name, _)| name.starts_with("JWT_KEYS")) {
        command.env("JWT_KEYS", SIGNING);
    }
    command
}

/// `parcels` without a key that signs tokens.
pub(crate) fn unsigned(arguments: &[&str], environment: &[(&str, &str)]) -> Command {
    static BINARY: LazyLock<PathBuf> = LazyLock::new(build);
    let mut command = Command::new(&*BINARY);
    // Many processes run at once, and each has a private listener.
    command.args(arguments).env_clear().env("METRICS_LISTEN", "127.0.0.1:0");
    command.envs(environment.iter().copied()).stdin(Stdio::null());
    command
}

/// Builds parcels. Cargo gives a test only the paths of the binaries of its own package.
fn build() -> PathBuf {
    let test = env::current_exe().unwrap();
    // target/PROFILE/deps/integration-HASH
    let profile = test.ancestors().nth(2).unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--package", "parcels"]);
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    assert!(cargo.status().unwrap().success(), "parcels does not build");
    profile.join("parcels")
}

/// Runs it to its end.
pub(crate) fn run(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    finish(parcels(arguments, environment))
}

/// Runs a command to its end.
pub(crate) fn finish(mut command: Command) -> Output {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let ended = wait(&mut child);
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    child.stdout.take().unwrap().read_to_end(&mut stdout).unwrap();
    child.stderr.take().unwrap().read_to_end(&mut stderr).unwrap();
    Output { status: ended, stdout, stderr }
}

fn wait(child: &mut Child) -> ExitStatus {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if Instant::now() > deadline {
            child.kill().unwrap();
            child.wait().unwrap();
            let mut said = String::new();
            if let Some(mut stdout) = child.stdout.take() {
                let _ = stdout.read_to_string(&mut said);
            }
            panic!("the process did not end: {said}");
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// A running `parcels serve`. Dropping this stops it.
pub(crate) struct Server {
    child: Child,
    lines: Receiver<String>,
    seen: VecDeque<Value>,
    pub(crate) address: SocketAddr,
    pub(crate) metrics: SocketAddr,
}

impl Server {
    /// Starts it on a free port and waits until it listens.
    pub(crate) fn start(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut child = parcels(&["serve", "--listen", "127.0.0.1:0"], environment)
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = read_lines(child.stdout.take().unwrap());
        let address = ([127, 0, 0, 1], 0).into();
        let mut server = Self { child, lines, seen: VecDeque::new(), address, metrics: address };
        let event = server.event("listening");
        let address = |name: &str| event[name].as_str().unwrap().parse().unwrap();
        (server.address, server.metrics) = (address("address"), address("metrics_address"));
        server
    }

    /// The next event with this message. Earlier events are kept in [`Server::log`].
    pub(crate) fn event(&mut self, message: &str) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    let event: Value = serde_json::from_str(&line).unwrap_or_else(|error| {
                        panic!("not one JSON object per line: {error}: {line}")
                    });
                    self.seen.push_back(event.clone());
                    if event["message"] == message {
                        return event;
                    }
                }
                Err(RecvTimeoutError::Timeout) => panic!("no {message:?} in {:?}", self.seen),
                Err(RecvTimeoutError::Disconnected) => {
                    panic!("ended without {message:?}: {:?}", self.seen)
                }
            }
        }
    }

    /// Sends a signal, by its name.
    pub(crate) fn signal(&self, name: &str) {
        let done = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
        assert!(done.unwrap().success());
    }

    /// Sets the limit of open files, including sockets.
    pub(crate) fn limit_files(&self, limit: u32) {
        let (pid, limit) = (self.child.id().to_string(), format!("--nofile={limit}"));
        assert!(Command::new("prlimit").args(["--pid", &pid, &limit]).status().unwrap().success());
    }

    /// Waits for the end: the exit code and the whole log.
    pub(crate) fn end(mut self) -> (Option<i32>, Vec<Value>) {
        let status = wait(&mut self.child);
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            self.seen.push_back(serde_json::from_str(&line).unwrap());
        }
        (status.code(), self.seen.drain(..).collect())
    }

    /// Sends a request. Returns the status and all received bytes.
    pub(crate) fn ask(&self, request: &str) -> (u16, String) {
        let (status, answer) = ask(self.address, request);
        (status, String::from_utf8(answer).unwrap())
    }

    /// The status of a `GET`.
    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        self.ask(&format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"))
    }

    /// The answer to `{"grams":250}` with this key.
    pub(crate) fn quote(&self, key: &str) -> (u16, String) {
        self.ask(&format!(
            "POST /quote HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-api-key: {key}\r\n\
             content-type: application/json\r\ncontent-length: 13\r\n\r\n{{\"grams\":250}}"
        ))
    }
}

/// Sends a request that closes its connection. Returns the status and all received bytes.
pub(crate) fn ask(address: SocketAddr, request: &str) -> (u16, Vec<u8>) {
    use std::io::Write;
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    (std::str::from_utf8(&answer[9..12]).unwrap().parse().unwrap(), answer)
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read_lines(stdout: ChildStdout) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}
