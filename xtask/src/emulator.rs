//! The emulated AWS: moto with terraform/emulator/shim.py, on a free port.
//!
//! It runs as long as its standard input is open. Therefore it ends with this process, also after a signal.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use crate::command::{command, output, tail};
use crate::tools;

/// The exit code of a command that cannot run here.
pub const UNAVAILABLE: i32 = 69;

/// Variables of the caller that must not reach the clients of the emulator.
const CALLERS: [&str; 5] = [
    "AWS_PROFILE",
    "AWS_SESSION_TOKEN",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_DEFAULT_PROFILE",
];
const PYTHON: &str = ".tools/emulator/bin/python";
/// Python imports many modules, and other proofs can use the processor at the same time.
const START_TIMEOUT: Duration = Duration::from_mins(2);

/// Arguments of the command.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder for the log and the recorded `calls`. While it contains a file `rollback`, ECS rolls back
    folder: PathBuf,
    /// A command. `AWS_ENDPOINT_URL` is the emulator, and the AWS CLI is on its path
    #[arg(required = true, trailing_var_arg = true)]
    command: Vec<String>,
}

/// Runs the command with its own emulated AWS, and ends with the exit code of the command.
pub fn run(root: &Path, args: &Args) -> anyhow::Result<bool> {
    if !is_available(root)? {
        println!("the emulated AWS could not be installed");
        std::process::exit(UNAVAILABLE);
    }
    let emulator = Emulator::start(root, &args.folder)?;
    let (program, arguments) = args.command.split_first().context("no command")?;
    let mut child = command(program);
    emulator.connect(child.args(arguments));
    let status = child.status().with_context(|| format!("{program} cannot be started"))?;
    drop(emulator);
    std::process::exit(status.code().unwrap_or(1))
}

/// Installs the emulator. Returns whether it is installed.
pub fn is_available(root: &Path) -> anyhow::Result<bool> {
    tools::install(root, &["emulator"])
}

/// A running emulator. It stops when this value is dropped.
#[derive(Debug)]
pub struct Emulator {
    root: PathBuf,
    folder: PathBuf,
    endpoint: String,
    process: Child,
}

impl Emulator {
    /// Starts an emulator with an empty account, and waits until it listens.
    pub fn start(root: &Path, folder: &Path) -> anyhow::Result<Self> {
        fs::create_dir_all(folder)?;
        let folder = folder.canonicalize()?;
        File::create(folder.join("calls"))?;
        let log = File::create(folder.join("emulator.log"))?;
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let process = command(root.join(PYTHON))
            .arg(root.join("terraform/emulator/shim.py"))
            .args(["-H", "127.0.0.1", "-p", &address.port().to_string()])
            .env("EMULATOR_CALLS", folder.join("calls"))
            .env("EMULATOR_ROLLBACK", folder.join("rollback"))
            .env("EMULATOR_STDIN", "until-closed")
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context(PYTHON)?;
        let endpoint = format!("http://{address}");
        let mut emulator = Self { root: root.to_owned(), folder, endpoint, process };
        let started = Instant::now();
        while TcpStream::connect(address).is_err() {
            if emulator.process.try_wait()?.is_some() || started.elapsed() > START_TIMEOUT {
                let log = fs::read_to_string(emulator.folder.join("emulator.log"))?;
                bail!("the emulator did not start:\n{}", tail(&log, 20));
            }
            thread::sleep(Duration::from_millis(100));
        }
        Ok(emulator)
    }

    /// Gives a command the environment in which AWS is this emulator.
    pub fn connect(&self, command: &mut Command) {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let own = self.root.join(PYTHON).parent().map(Path::to_owned);
        let folders = own.into_iter().chain(std::env::split_paths(&path));
        command.env("PATH", std::env::join_paths(folders).unwrap_or(path.clone()));
        for name in CALLERS {
            command.env_remove(name);
        }
        command.envs([
            ("AWS_ENDPOINT_URL", self.endpoint.as_str()),
            ("AWS_ACCESS_KEY_ID", "emulated"),
            ("AWS_SECRET_ACCESS_KEY", "emulated"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_DEFAULT_REGION", "us-east-1"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("AWS_CONFIG_FILE", "/dev/null"),
            ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
        ]);
    }

    /// Runs terraform/emulator/probe.py with a question about a resource.
    pub fn probe(&self, question: &str, about: &str) -> anyhow::Result<String> {
        let mut probe = command(self.root.join(PYTHON));
        self.connect(&mut probe);
        probe.arg(self.root.join("terraform/emulator/probe.py")).args([question, about]);
        Ok(output(&mut probe)?.trim_end().to_owned())
    }

    /// Starts a phase of the lifecycle in the recorded calls. terraform/permissions checks the calls of each phase
    /// against the permissions of the role of that phase.
    pub fn phase(&self, name: &str) -> anyhow::Result<()> {
        let mut calls = OpenOptions::new().append(true).open(self.calls())?;
        Ok(writeln!(calls, "{}", serde_json::json!({ "phase": name }))?)
    }

    /// The recorded calls.
    #[must_use]
    pub fn calls(&self) -> PathBuf {
        self.folder.join("calls")
    }

    /// While this file exists, ECS rolls back every deployment.
    #[must_use]
    pub fn rollback(&self) -> PathBuf {
        self.folder.join("rollback")
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        // This fails if the emulator has already ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
