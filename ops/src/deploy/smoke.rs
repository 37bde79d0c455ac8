//! The smoke test of a deployed service.
//!
//! With a key it sends the example request of the OpenAPI document. Without a key it expects 401 as problem details:
//! the service is reachable and refuses callers without a key.

use anyhow::Context as _;
use serde_json::Value;

use super::stack::Target;
use crate::release::smoke;
use crate::variable::given;

/// Arguments of the command. `SMOKE_API_KEYS` is a JSON object: a service's folder to one of its keys.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    target: Target,
    /// URL of the service; empty for the URL in the Terraform state
    #[arg(default_value = "")]
    url: String,
}

impl Args {
    /// `Ok(false)`: the service gives a wrong answer.
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

/// The key for a service, from `SMOKE_API_KEYS`, else from `SMOKE_API_KEY`. The error does not repeat the value.
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
