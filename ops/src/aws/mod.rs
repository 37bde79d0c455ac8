//! AWS, through its official CLI.
//!
//! The CLI brings credentials, regions, signatures and retries, and it is installed wherever images are pushed. Each
//! call starts it and costs 0.45 to 0.9 s. So callers ask for many things at once (`--query` selects them), and
//! poll seldom.
//!
//! [`call`] talks to the account that the environment names. A [`Client`] talks to the emulated AWS and cannot reach
//! an account: it reads no setting of its caller.

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

/// The region of every call of this process, when it is not that of the environment.
static REGION: OnceLock<String> = OnceLock::new();

/// Makes every further [`call`] in this region. The first one wins: a process works in one region.
pub fn use_region(region: &str) {
    let _ = REGION.set(region.to_owned());
}

/// The region that the caller's settings name.
#[must_use]
pub fn configured_region() -> Option<String> {
    given("AWS_REGION").or_else(|| given("AWS_DEFAULT_REGION")).or_else(|| {
        let output = Command::new("aws").args(["configure", "get", "region"]).output().ok()?;
        let region = String::from_utf8(output.stdout).ok()?.trim().to_owned();
        (!region.is_empty()).then_some(region)
    })
}

/// Calls the account that the environment names: runs `aws ARGUMENTS` and reads its answer.
///
/// # Errors
///
/// The CLI is missing, the call fails (the message is what the CLI wrote), or the answer has another shape than `T`.
pub fn call<T: DeserializeOwned>(arguments: &[&str]) -> anyhow::Result<T> {
    let mut command = Command::new("aws");
    if let Some(region) = REGION.get() {
        command.env("AWS_REGION", region).env("AWS_DEFAULT_REGION", region);
    }
    // Version 2 writes times in the local zone; in one zone they can be compared as text.
    command.env("TZ", "UTC").env("AWS_PAGER", "");
    read(arguments, output_of(command, arguments).output())
}

/// The same with parameters that no argument may hold, because every process of the machine can read those. They are in
/// a file that only its owner can read, while the CLI runs. It reads the file twice, so a pipe would be empty.
///
/// # Errors
///
/// As for [`call`], and when the file cannot be written.
pub fn call_with<T: DeserializeOwned>(arguments: &[&str], input: &Value) -> anyhow::Result<T> {
    let mut file = tempfile::NamedTempFile::new().context("no temporary file")?;
    file.write_all(input.to_string().as_bytes()).context("no temporary file")?;
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
    /// `python` is that of the environment with the CLI, `address` is `host:port`.
    #[must_use]
    pub fn new(python: &Path, address: &str, region: &str) -> Self {
        Self { python: python.to_owned(), address: address.to_owned(), region: region.to_owned() }
    }

    /// The same client with another address.
    #[must_use]
    pub fn at(&self, address: &str) -> Self {
        Self { address: address.to_owned(), ..self.clone() }
    }

    /// The region that every call is made in.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Runs `aws ARGUMENTS` and reads its answer.
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
    // A call without an answer prints nothing.
    let text = if output.stdout.is_empty() { &b"null"[..] } else { &output.stdout };
    serde_json::from_slice(text)
        .with_context(|| format!("aws {name}: the answer is not understood"))
}
