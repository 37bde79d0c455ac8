//! The real process: it runs in a folder of its own, with an environment that contains only the settings of the test.

use chassis::testing::SIGNING;
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

/// The limit of a test that fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Signing keys for a database that is not a SQLite file.
pub(crate) const KEYS: (&str, &str) = ("JWT_KEYS", SIGNING);

/// A command of the service.
pub(crate) fn tasks(arguments: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tasks"));
    command.args(arguments).env_clear().stdin(Stdio::null());
    for name in ["LISTEN", "METRICS_LISTEN"] {
        command.env(name, "127.0.0.1:0");
    }
    command.envs([("DRAIN_GRACE", "0s"), ("LOG_LEVEL", "trace")]);
    command.env("STATE_DIR", concat!(env!("CARGO_TARGET_TMPDIR"), "/tasks-state"));
    command.envs(environment.iter().copied());
    command
}

/// The end of a process.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) output: String,
    pub(crate) errors: String,
}

impl Ended {
    /// Everything that the process wrote.
    pub(crate) fn text(&self) -> String {
        format!("{}{}", self.output, self.errors)
    }
}

/// Runs a command to its end, with this input.
pub(crate) fn run(mut command: Command, input: &str) -> Ended {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A process that does not read its input can have ended.
    drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
    let (mut output, mut errors) = (String::new(), String::new());
    wait(&mut child);
    child.stdout.take().unwrap().read_to_string(&mut output).unwrap();
    child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
    Ended { code: child.wait().unwrap().code(), output, errors }
}

fn wait(child: &mut Child) {
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if start.elapsed() > PATIENCE {
            child.kill().unwrap();
            panic!("the process did not end");
        }
        thread::sleep(Duration::from_millis(2));
    }
}

/// A response, and the head of the response as text.
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Response {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    pub(crate) fn text(&self, member: &str) -> String {
        self.json()[member].as_str().unwrap_or_else(|| panic!("{}", self.body)).to_owned()
    }
}

/// A running `serve`. It ends with its value.
pub(crate) struct Serving {
    child: Child,
    lines: Receiver<String>,
    log: String,
    address: SocketAddr,
}

impl Serving {
    /// Starts the process without waiting for it.
    pub(crate) fn spawn(environment: &[(&str, &str)]) -> Self {
        let mut command = tasks(&["serve"], environment);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (sender, lines) = channel();
        let output = BufReader::new(child.stdout.take().unwrap());
        let errors = BufReader::new(child.stderr.take().unwrap());
        for mut reader in
            [Box::new(output) as Box<dyn std::io::BufRead + Send>, Box::new(errors) as Box<_>]
        {
            let sender = sender.clone();
            thread::spawn(move || {
                let mut line = String::new();
                while reader.read_line(&mut line).is_ok_and(|read| read > 0) {
                    // The test has ended if nobody receives the line.
                    drop(sender.send(std::mem::take(&mut line)));
                }
            });
        }
        Self { child, lines, log: String::new(), address: ([127, 0, 0, 1], 0).into() }
    }

    /// Starts the process and waits until it is ready.
    pub(crate) fn start(environment: &[(&str, &str)]) -> Self {
        let mut process = Self::spawn(environment);
        process.ready();
        process
    }

    /// Waits until it listens.
    pub(crate) fn listening(&mut self) {
        let start = Instant::now();
        let address = loop {
            let left = PATIENCE.saturating_sub(start.elapsed());
            let line = self.lines.recv_timeout(left);
            let line = line.unwrap_or_else(|_| panic!("it does not listen: {}", self.log));
            self.log.push_str(&line);
            if line.contains("\"listening\"") {
                let event: Value = serde_json::from_str(&line).unwrap();
                break event["address"].as_str().unwrap().to_owned();
            }
        };
        self.address = address.parse().unwrap();
    }

    /// Waits until `/readyz` returns 200.
    pub(crate) fn ready(&mut self) {
        self.listening();
        self.until("GET /readyz", "", 200);
    }

    /// Repeats a request until it has this status.
    pub(crate) fn until(&self, head: &str, token: &str, status: u16) {
        let start = Instant::now();
        loop {
            let response = self.ask(head, token, "");
            if response.status == status {
                return;
            }
            assert!(start.elapsed() < PATIENCE, "{head}: {} {}", response.status, response.body);
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Sends a request, with a token if it is not empty, and a body of JSON if it is not empty.
    pub(crate) fn ask(&self, head: &str, token: &str, body: &str) -> Response {
        let mut lines = vec![format!("{head} HTTP/1.1"), "host: test".into()];
        lines.push("connection: close".into());
        if !token.is_empty() {
            lines.push(format!("authorization: Bearer {token}"));
        }
        if !body.is_empty() {
            lines.push("content-type: application/json".into());
            lines.push(format!("content-length: {}", body.len()));
        }
        let request = format!("{}\r\n\r\n{body}", lines.join("\r\n"));
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Response { status, head: head.to_lowercase(), body: body.to_owned() }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }

    /// Whether the process has not ended.
    pub(crate) fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Sends a signal, by its name.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }

    /// Waits for the end. Returns the exit code and everything that the process wrote.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        wait(&mut self.child);
        let mut log = std::mem::take(&mut self.log);
        log.extend(self.lines.iter());
        (self.child.wait().unwrap().code(), log)
    }

    /// Ends it with SIGTERM. Returns everything that it wrote.
    pub(crate) fn stop(self) -> String {
        self.signal("TERM");
        let (code, log) = self.end();
        assert_eq!(code, Some(0), "{log}");
        log
    }

    /// Ends it with SIGKILL.
    pub(crate) fn kill(self) {
        self.signal("KILL");
        let (code, _) = self.end();
        assert_eq!(code, None);
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It can have ended.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
