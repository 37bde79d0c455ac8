//! Reads the data files that several suites share.

use crate::binary;
use serde::de::DeserializeOwned;
use std::fs;

/// Reads `contract/data/NAME.json`.
#[must_use]
pub fn read<T: DeserializeOwned>(name: &str) -> T {
    let path = binary::root().join("contract/data").join(name).with_extension("json");
    let text =
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
