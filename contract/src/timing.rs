//! Reads the timing budget from `terraform/service/timing.json`, as Terraform does. So the tests use the deployed
//! figures.

use std::time::Duration;

use crate::binary::root;

/// The figure of a name such as `alb_idle_seconds`.
#[must_use]
pub fn timing(name: &str) -> Duration {
    let path = root().join("terraform/service/timing.json");
    let text = std::fs::read_to_string(path).expect("the budget exists");
    let budget: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    Duration::from_secs(budget[name].as_u64().unwrap_or_else(|| panic!("no {name} in the budget")))
}
