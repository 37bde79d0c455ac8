//! The smoke test of a deployed service.
//!
//! With a key it calls the example of the document. Without one it expects 401 in the one format of errors: then the service is
//! reachable and closed.

use anyhow::Context as _;
use serde_json::Value;

use super::stack::Target;
use crate::release::smoke;
use crate::variable::given;

/// Arguments of the command. `SMOKE_API_KEYS` is a JSON object with one key of each service, by folder.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    target: Target,
    /// Where callers reach the service; the output of the state when it is empty
    #[arg(default_value = "")]
    url: String,
}

impl Args {
    /// `Ok(false)`: the service answers wrongly.
    pub(super) fn run(&self) -> anyhow::Result<bool> {
        self.target.check_service()?;
        let url = if self.url.is_empty() { self.target.open()?.url()? } else { self.url.clone() };
        call(&self.target, &url)
    }
}

/// Calls the service at an address.
pub(super) fn call(target: &Target, url: &str) -> anyhow::Result<bool> {
    let key = key(&target.service)?;
    smoke::call(&smoke::Args::new(url, &target.service), key.as_deref())
}

/// The key for a service: that of `SMOKE_API_KEYS`, else `SMOKE_API_KEY`. The error does not repeat what it holds.
fn key(service: &str) -> anyhow::Result<Option<String>> {
    if let Some(keys) = given("SMOKE_API_KEYS") {
        let keys: Value = serde_json::from_str(&keys)
            .ok()
            .context("SMOKE_API_KEYS must be a JSON object with one key of each service")?;
        if let Some(key) = keys[service].as_str().filter(|key| !key.is_empty()) {
            return Ok(Some(key.to_owned()));
        }
    }
    Ok(given("SMOKE_API_KEY"))
}
