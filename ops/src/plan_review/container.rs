//! The containers of a task definition before and after a change.

use serde_json::Value;

use crate::plan::Resource;
use crate::task::definition::Container;

/// The containers that exist before and after a change; none when they are known only after apply.
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
