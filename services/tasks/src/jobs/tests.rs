//! The rules that every type keeps.

use super::*;
use chassis::validation::Schema;
use serde_json::json;
use std::fs;
use std::path::Path;

/// Only the file of a type has a line that begins with this.
const MARK: &str = "pub(super) const JOB: Job =";

/// The types that have a file in a folder, by the names of the files.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let file = if path.is_dir() { path.join("mod.rs") } else { path.clone() };
        let text = fs::read_to_string(file).unwrap_or_default();
        if text.lines().any(|line| line.starts_with(MARK)) {
            found.push(path.file_stem().unwrap().to_str().unwrap().to_owned());
        }
    }
    found.sort();
    found
}

/// The places in a schema that let a caller give a URL.
fn urls(at: &str, schema: &Value) -> Vec<String> {
    const WORDS: [&str; 8] =
        ["url", "uri", "iri", "href", "link", "endpoint", "webhook", "callback"];
    let mut found = Vec::new();
    let members = schema.as_object().into_iter().flatten();
    let items = schema.as_array().into_iter().flatten();
    let named = |name: &str| name.split('_').any(|word| WORDS.contains(&word));
    for (name, value) in members {
        let text = value.as_str().unwrap_or_default();
        let format = name == "format" && text.split('-').any(|word| WORDS.contains(&word));
        if named(name) || format || name == "$ref" {
            found.push(format!("{at}/{name}"));
        }
        found.extend(urls(&format!("{at}/{name}"), value));
    }
    found.extend(items.flat_map(|item| urls(at, item)));
    if schema.as_str().is_some_and(|text| text.contains("://")) {
        found.push(at.to_owned());
    }
    found
}

#[test]
fn every_file_of_a_type_is_in_the_registry() {
    let mut known: Vec<&str> = JOBS.iter().map(|job| job.kind.as_str()).collect();
    known.sort_unstable();
    assert!(known.len() >= 4, "{known:?}");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/jobs");
    assert_eq!(files(&folder), known, "each type is a file of its name, and an entry of JOBS");
}

#[test]
fn file_without_an_entry_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    file("count_words.rs", &format!("//! A type.\n{MARK} Job {{"));
    file("count_letters/mod.rs", MARK);
    file("context.rs", "//! Not a type.");
    assert_eq!(files(folder.path()), ["count_letters", "count_words"]);
}

#[test]
fn every_payload_is_described() {
    for job in JOBS {
        let (kind, schema) = (job.kind.as_str(), (job.schema)());
        assert_eq!(schema["type"], "object", "{kind}");
        assert_eq!(schema["additionalProperties"], false, "{kind}");
        assert!(schema["description"].is_string(), "{kind}");
        let examples = schema["examples"].as_array().unwrap();
        assert!(!examples.is_empty(), "{kind}");
        let rules = Schema::new(&schema);
        for example in examples {
            assert_eq!(rules.faults(example, ""), [], "{kind}: {example}");
            assert!((job.check)(example, &Rules::default()).is_empty(), "{kind}: {example}");
            assert!(example.to_string().len() <= job.longest, "{kind}: {example}");
        }
    }
}

#[test]
fn no_type_accepts_a_url() {
    for job in JOBS {
        assert_eq!(urls("", &(job.schema)()), [""; 0], "{}", job.kind.as_str());
    }
}

#[test]
fn schema_of_a_url_is_found() {
    let of = |member: &str, schema: Value| json!({ "properties": { member: schema } });
    for (schema, at) in [
        (of("a", json!({ "format": "uri" })), "/properties/a/format"),
        (of("a", json!({ "format": "iri-reference" })), "/properties/a/format"),
        (of("a", json!({ "pattern": "^https?://" })), "/properties/a/pattern"),
        (of("a", json!({ "items": [{ "enum": ["s3://a"] }] })), "/properties/a/items/enum"),
        (of("a", json!({ "$ref": "#/components/schemas/Link" })), "/properties/a/$ref"),
        (of("url", json!({ "type": "string" })), "/properties/url"),
        (of("callback_url", json!(true)), "/properties/callback_url"),
        (of("a", of("href", json!({}))), "/properties/a/properties/href"),
    ] {
        assert_eq!(urls("", &schema), [at], "{schema}");
    }
    assert_eq!(urls("", &of("format", json!({ "format": "email" }))), [""; 0]);
}
