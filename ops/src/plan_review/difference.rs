//! The differences between the two sides of a change, leaf by leaf.
//!
//! Container definitions and policies are strings that contain JSON. This module parses them, and compares lists of
//! named entries by name. A person then reads `nginx.environment.RATE_LIMIT: 5 → 5000`, not two screens of JSON.

use serde_json::{Map, Value};

use crate::plan::{Action, Resource};

/// One leaf that differs.
#[derive(Debug, PartialEq)]
pub(crate) struct Difference {
    /// Dotted path, such as `container_definitions.nginx.environment.RATE_LIMIT`.
    pub(crate) path: String,
    /// The value before; `None` when there was none.
    pub(crate) before: Option<Side>,
    /// The value after; `None` when there is none.
    pub(crate) after: Option<Side>,
}

/// A value, and whether the review may show it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Side {
    /// Anybody may read it.
    Known(Value),
    /// Only known after apply.
    Unknown,
    /// Marked as sensitive: never shown.
    Sensitive,
}

impl Side {
    /// The value as a person reads it.
    #[must_use]
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Known(Value::String(text)) => text.clone(),
            Self::Known(value) => value.to_string(),
            Self::Unknown => "(known after apply)".to_owned(),
            Self::Sensitive => "(sensitive)".to_owned(),
        }
    }
}

/// Every leaf in which the two sides of a resource differ.
#[must_use]
pub(crate) fn find(resource: &Resource) -> Vec<Difference> {
    let change = &resource.change;
    if matches!(resource.action(), Action::Create | Action::Destroy) {
        return Vec::new();
    }
    let mut found = Vec::new();
    let before = Marked {
        value: &change.before,
        unknown: &Value::Null,
        sensitive: &change.before_sensitive,
    };
    let after = Marked {
        value: &change.after,
        unknown: &change.after_unknown,
        sensitive: &change.after_sensitive,
    };
    compare(String::new(), before, after, &mut found);
    // AWS computes these again with every change. They contain no information for a reviewer.
    found.retain(|difference| {
        !matches!(
            difference.path.as_str(),
            "id" | "arn" | "revision" | "arn_without_revision" | "tags_all"
        ) && !difference.path.starts_with("tags_all.")
    });
    found
}

/// A value with Terraform's marks for it.
#[derive(Clone, Copy)]
struct Marked<'a> {
    value: &'a Value,
    unknown: &'a Value,
    sensitive: &'a Value,
}

impl<'a> Marked<'a> {
    fn side(self) -> Option<Side> {
        match (self.sensitive, self.unknown, self.value) {
            (Value::Bool(true), ..) => Some(Side::Sensitive),
            (_, Value::Bool(true), _) => Some(Side::Unknown),
            (_, _, Value::Null) => None,
            (_, _, value) => Some(Side::Known(value.clone())),
        }
    }

    fn member(self, name: &str) -> Self {
        let inner = |mark: &'a Value| if mark.is_boolean() { mark } else { &mark[name] };
        Self {
            value: &self.value[name],
            unknown: inner(self.unknown),
            sensitive: inner(self.sensitive),
        }
    }
}

fn compare(path: String, before: Marked<'_>, after: Marked<'_>, found: &mut Vec<Difference>) {
    let hidden = [before.sensitive, after.sensitive].contains(&&Value::Bool(true));
    let known = after.unknown != &Value::Bool(true);
    if !hidden
        && known
        && let (Some(before_map), Some(after_map)) = (opened(before.value), opened(after.value))
    {
        let (before_map, after_map) = (Value::Object(before_map), Value::Object(after_map));
        return compare_members(&path, (before, &before_map), (after, &after_map), found);
    }
    if known && before.value == after.value {
        return;
    }
    let (before, after) = (before.side(), after.side());
    if (is_nothing(before.as_ref()) && is_nothing(after.as_ref()))
        || (before == after && before == Some(Side::Sensitive) && path.is_empty())
    {
        return;
    }
    found.push(Difference { path, before, after });
}

/// AWS returns empty lists for attributes that the configuration does not set.
fn is_nothing(side: Option<&Side>) -> bool {
    match side {
        None => true,
        Some(Side::Known(Value::Array(list))) => list.is_empty(),
        Some(Side::Known(Value::Object(map))) => map.is_empty(),
        Some(_) => false,
    }
}

fn compare_members(
    path: &str,
    (before, before_map): (Marked<'_>, &Value),
    (after, after_map): (Marked<'_>, &Value),
    found: &mut Vec<Difference>,
) {
    let mut names: Vec<&String> = before_map
        .as_object()
        .into_iter()
        .chain(after_map.as_object())
        .flat_map(Map::keys)
        .collect();
    // An attribute that becomes known after apply is only in `after_unknown`.
    names.extend(after.unknown.as_object().into_iter().flat_map(Map::keys));
    names.sort();
    names.dedup();
    for name in names {
        let inner = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let before = Marked { value: before_map, ..before }.member(name);
        let after = Marked { value: after_map, ..after }.member(name);
        compare(inner, before, after, found);
    }
}

/// A value as a map, when it is a map, a string that contains JSON, or a list of named entries.
fn opened(value: &Value) -> Option<Map<String, Value>> {
    match value {
        Value::Object(map) => Some(map.clone()),
        Value::Array(list) => named(list),
        Value::String(text) if text.starts_with(['{', '[']) => {
            serde_json::from_str(text).ok().and_then(|value| opened(&value))
        }
        _ => None,
    }
}

/// A list as a map, by the member that names its entries: `name`, or a statement's `Sid`. An entry with a `value` or
/// `valueFrom` becomes that value.
fn named(list: &[Value]) -> Option<Map<String, Value>> {
    if let [single] = list
        && single.is_object()
        && single.get("name").is_none()
        && single.get("Sid").is_none()
    {
        // A nested block that can occur only once: its index contains no information.
        return opened(single);
    }
    let mut map = Map::new();
    for entry in list {
        let name = entry.get("name").or_else(|| entry.get("Sid"))?.as_str()?;
        let value = entry.get("value").or_else(|| entry.get("valueFrom")).unwrap_or(entry);
        if map.insert(name.to_owned(), value.clone()).is_some() {
            return None;
        }
    }
    (!map.is_empty()).then_some(map)
}
