//! AWS, through its official CLI.
//!
//! The CLI handles credentials, regions, signatures and retries. Every machine that pushes images has it. A call takes
//! 0.45 to 0.9 s, because it starts the CLI. So callers read many values in one call (with `--query`), and poll rarely.
//!
//! [`call`] uses the account of the caller's environment. A [`Client`] uses the emulated AWS. It reads no settings of
//! its caller, so it cannot reach an account.

pub mod ecs;
pub mod elb;
pub mod iam;
pub mod ssm;

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use anyhow::{Context as _, bail};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::variable::given;

/// The region of every call of this process. It overrides the caller's environment.
static REGION: OnceLock<String> = OnceLock::new();

/// Sets the region of every later [`call`]. Only the first use has an effect, because a process uses one region.
pub fn use_region(region: &str) {
    let _ = REGION.set(region.to_owned());
}

/// The region in the caller's settings.
#[must_use]
pub fn configured_region() -> Option<String> {
    given("AWS_REGION").or_else(|| given("AWS_DEFAULT_REGION")).or_else(|| {
        let output = Command::new("aws").args(["configure", "get", "region"]).output().ok()?;
        let region = String::from_utf8(output.stdout).ok()?.trim().to_owned();
        (!region.is_empty()).then_some(region)
    })
}

/// Calls the account of the caller's environment: runs `aws ARGUMENTS` and parses the output.
///
/// # Errors
///
/// The CLI is missing, the call fails (the message is the CLI's error output), or the output does not fit `T`.
pub fn call<T: DeserializeOwned>(arguments: &[&str]) -> anyhow::Result<T> {
    let mut command = Command::new("aws");
    if let Some(region) = REGION.get() {
        command.env("AWS_REGION", region).env("AWS_DEFAULT_REGION", region);
    }
    // Version 2 prints times in the local time zone. In UTC they can be compared as text.
    command.env("TZ", "UTC").env("AWS_PAGER", "");
    read(arguments, output_of(command, arguments).output())
}

/// The same call with secret parameters. Every process of the machine can read arguments, so the parameters are in a
/// file that only its owner can read. The file exists while the CLI runs. A pipe does not work, because the CLI reads
/// twice.
///
/// # Errors
///
/// As for [`call`], and when the file cannot be written.
pub fn call_with<T: DeserializeOwned>(arguments: &[&str], input: &Value) -> anyhow::Result<T> {
    let mut file = tempfile::NamedTempFile::new().context("cannot write a temporary file")?;
    file.write_all(input.to_string().as_bytes()).context("cannot write a temporary file")?;
    let url = format!("file://{}", file.path().display());
    call(&[arguments, &["--cli-input-json", &url]].concat())
}

/// The emulated AWS.
#[derive(Debug, Clone)]
pub struct Client {
    python: PathBuf,
    address: String,
    region: String,
}

impl Client {
    /// `python` is the interpreter of the Python environment with the CLI, and `address` is `host:port`.
    #[must_use]
    pub fn new(python: &Path, address: &str, region: &str) -> Self {
        Self { python: python.to_owned(), address: address.to_owned(), region: region.to_owned() }
    }

    /// The same client with another address.
    #[must_use]
    pub fn at(&self, address: &str) -> Self {
        Self { address: address.to_owned(), ..self.clone() }
    }

    /// The region of every call.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Runs `aws ARGUMENTS` and parses the output.
    ///
    /// # Errors
    ///
    /// As for [`call`].
    pub async fn call<T: DeserializeOwned>(&self, arguments: &[&str]) -> anyhow::Result<T> {
        let mut command = Command::new(&self.python);
        command.args(["-m", "awscli", "--region", &self.region]);
        command.arg("--endpoint-url").arg(format!("http://{}", self.address));
        command
            .env_clear()
            .env("AWS_ACCESS_KEY_ID", "emulated")
            .env("AWS_SECRET_ACCESS_KEY", "emulated")
            .env("AWS_CONFIG_FILE", "/dev/null")
            .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
            .env("AWS_MAX_ATTEMPTS", "1");
        let command = tokio::process::Command::from(output_of(command, arguments));
        read(arguments, { command }.kill_on_drop(true).output().await)
    }
}

fn output_of(mut command: Command, arguments: &[&str]) -> Command {
    command.args(arguments).args(["--output", "json"]).stdin(Stdio::null());
    command
}

fn read<T: DeserializeOwned>(arguments: &[&str], output: io::Result<Output>) -> anyhow::Result<T> {
    let name = arguments.iter().take(2).copied().collect::<Vec<_>>().join(" ");
    let output = output.context("cannot run `aws`: install the AWS CLI")?;
    if !output.status.success() {
        bail!("aws {name}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    // Some calls print nothing.
    let text = if output.stdout.is_empty() { &b"null"[..] } else { &output.stdout };
    serde_json::from_slice(text).with_context(|| format!("aws {name}: unexpected output"))
}
