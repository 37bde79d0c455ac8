//! The containers of a task definition, as far as a review asks about them.

use serde::Deserialize;
use serde_json::Value;

use crate::plan::Resource;

/// One container.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Container {
    /// Such as `nginx`.
    pub(super) name: String,
    /// Registry, repository and digest.
    pub(super) image: String,
    /// Variables that anybody may read.
    environment: Value,
    /// The command of the health check, and when it runs.
    pub(super) health_check: Value,
}

impl Container {
    /// A variable's value, or nothing.
    #[must_use]
    pub(super) fn variable(&self, name: &str) -> &str {
        let mut variables = self.environment.as_array().into_iter().flatten();
        let variable = variables.find(|variable| variable["name"] == name);
        variable.and_then(|variable| variable["value"].as_str()).unwrap_or_default()
    }
}

/// The containers that are there before and after a change; none when they are only known after apply.
pub(super) fn pairs(resource: &Resource) -> impl Iterator<Item = (Container, Container)> {
    let mut old = list(&resource.change.before);
    list(&resource.change.after).into_iter().filter_map(move |new| {
        let place = old.iter().position(|old| old.name == new.name)?;
        Some((old.swap_remove(place), new))
    })
}

fn list(side: &Value) -> Vec<Container> {
    let text = side["container_definitions"].as_str();
    text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}
