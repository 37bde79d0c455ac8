//! `Redis`, which writes each change to its disk.

use super::{Process, find, free_port};
use std::fs;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A Redis server. It has no password.
#[derive(Debug)]
pub struct Redis {
    process: Option<Process>,
    port: u16,
    folder: TempDir,
    arguments: Vec<String>,
}

impl Redis {
    /// Whether the server is installed. If it is not, prints that the test is skipped.
    #[must_use]
    pub fn can_start(test: &str) -> bool {
        let can_start = find("redis-server").is_some() && find("redis-cli").is_some();
        if !can_start {
            println!("SKIPPED: {test}: the Debian package redis-server is not installed");
        }
        can_start
    }

    /// A new server, with these settings in addition (`--name`, `value`).
    #[must_use]
    pub fn start(settings: &[&str]) -> Self {
        let folder = tempfile::Builder::new().prefix("redis-").tempdir().unwrap();
        let port = free_port();
        let (number, path) = (port.to_string(), folder.path().display().to_string());
        let fixed = ["--port", &number, "--bind", "127.0.0.1", "--dir", &path, "--save", ""];
        let durable = ["--appendonly", "yes", "--appendfsync", "always"];
        let arguments = [&fixed[..], &durable, settings].concat();
        let arguments = arguments.into_iter().map(str::to_owned).collect();
        let mut server = Self { process: None, port, folder, arguments };
        server.start_again();
        server
    }

    /// Starts the server again on the same port and data.
    pub fn start_again(&mut self) {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "INT", "--"]).arg(find("redis-server").unwrap());
        command.args(&self.arguments).env_clear().env("LC_ALL", "C");
        let log = self.folder.path().join("log");
        self.process = Some(Process::start(&mut command, self.port, &log));
        // The port is open before the server has read its data.
        let start = Instant::now();
        while !self.try_call(&["PING"]).is_ok_and(|answer| answer == "PONG") {
            assert!(start.elapsed() < super::START, "{}", fs::read_to_string(&log).unwrap());
            sleep(Duration::from_millis(20));
        }
    }

    /// Stops the server. Its clients lose their connections.
    pub fn stop(&mut self) {
        self.process.take().unwrap().stop().unwrap();
    }

    /// Whether the server runs.
    #[must_use]
    pub fn is_started(&self) -> bool {
        self.process.is_some()
    }

    /// Makes the server accept connections without any answer (`-STOP`), until `-CONT`.
    pub fn signal(&self, signal: &str) {
        if let Some(process) = &self.process {
            process.signal(signal);
        }
    }

    /// Calls a command, such as `["XLEN", "stream"]`, and returns its answer as lines of text.
    #[must_use]
    pub fn call(&self, command: &[&str]) -> String {
        self.try_call(command).unwrap()
    }

    fn try_call(&self, command: &[&str]) -> Result<String, String> {
        let mut client = Command::new(find("redis-cli").unwrap());
        // An error of the server is a failure of the command.
        client.args(["-e", "-p", &self.port.to_string()]).args(command);
        let output = client.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).trim_end().to_owned();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() { Ok(text) } else { Err(format!("{command:?}: {error}")) }
    }

    /// The URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}

/// A test that fails can leave the server stopped by a signal.
impl Drop for Redis {
    fn drop(&mut self) {
        self.signal("-CONT");
    }
}
