//! The configuration that the sidecar renders from a document.

#![expect(clippy::unwrap_used, reason = "a panic makes a test fail")]

mod change;
mod golden;
mod settings;

use serde_json::Value;
use sidecar::settings::Settings;
use sidecar::start;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs};

/// The root of the repository.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap()
}

fn parcels() -> PathBuf {
    root().join("contract/parcels/openapi.json")
}

/// Settings from these pairs.
fn settings(document: &Path, pairs: &[(&str, &str)]) -> Result<Settings, sidecar::Failure> {
    let document = ("OPENAPI_DOCUMENT", document.to_str().unwrap());
    let find = |name: &str| pairs.iter().chain([&document]).find(|(other, _)| *other == name);
    Settings::read(|name| find(name).map(|(_, value)| value.into()))
}

/// The configuration for people, for an nginx that joins the values of equal headers.
fn shown(document: &Path, pairs: &[(&str, &str)]) -> String {
    start::show(&settings(document, pairs).unwrap(), true).unwrap()
}

/// Writes a changed copy of `parcels`' document.
fn changed(change: impl FnOnce(&mut Value)) -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("sidecar-rendering-{}-{number}.json", std::process::id());
    let path = env::temp_dir().join(name);
    let mut document: Value =
        serde_json::from_str(&fs::read_to_string(parcels()).unwrap()).unwrap();
    change(&mut document);
    fs::write(&path, document.to_string()).unwrap();
    path
}

/// The lines of one block, such as `location = /_op/quote`, without those around it.
fn block<'a>(text: &'a str, begin: &str) -> Vec<&'a str> {
    let mut lines = text.lines().map(str::trim).skip_while(|line| !line.starts_with(begin));
    lines.next().unwrap_or_else(|| panic!("no {begin}"));
    lines.take_while(|line| *line != "}").collect()
}
