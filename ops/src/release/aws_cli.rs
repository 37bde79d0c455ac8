//! The AWS CLI, for commands that must reach a real account.
//!
//! The module `aws` talks to the emulator only. A release talks to the account that the environment names, and
//! the CLI is there wherever images are pushed. It brings credentials, regions and retries with it.

use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};
use serde::de::DeserializeOwned;

/// Runs `aws ARGUMENTS` and reads its answer.
///
/// # Errors
///
/// The CLI is missing, the call fails (the message is what the CLI wrote), or the answer has another
/// shape than `T`.
pub(super) fn call<T: DeserializeOwned>(arguments: &[&str]) -> anyhow::Result<T> {
    let name = arguments.iter().take(2).copied().collect::<Vec<_>>().join(" ");
    let output = Command::new("aws")
        .args(arguments)
        .args(["--output", "json"])
        // Version 2 writes times in the local zone; in one zone they can be compared as text.
        .env("TZ", "UTC")
        .env("AWS_PAGER", "")
        .stdin(Stdio::null())
        .output()
        .context("cannot run `aws`: install the AWS CLI")?;
    if !output.status.success() {
        bail!("aws {name}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    serde_json::from_slice(&output.stdout)
        .with_context(|| format!("aws {name}: the answer is not understood"))
}
