//! The members of the document that follow from [`JOBS`]: the list of types, the schema of each payload, and the rule
//! that gives each type its payload. `tasks openapi --write` writes them.

use super::{JOBS, Job};
use crate::model::task::Kind;
use serde_json::{Map, Value, json};
use std::iter::once;
use std::mem;

/// Writes these members. The error names a place that the document lacks, or a name that it has twice.
pub fn derive(document: &mut Value) -> Result<(), String> {
    derive_from(JOBS, document)
}

fn derive_from(jobs: &[Job], document: &mut Value) -> Result<(), String> {
    let kinds = once(Kind::MANUAL).chain(jobs.iter().map(|job| job.kind.clone()));
    *place(document, "/components/schemas/TaskType/enum")? =
        kinds.map(|kind| json!(kind)).collect();
    let rules = place(document, "/components/schemas/NewTask/allOf")?;
    let rules = mem::replace(rules, once(manual()).chain(jobs.iter().map(rule)).collect());
    let old: Vec<_> = rules.as_array().into_iter().flatten().filter_map(component_of).collect();
    let schemas = place(document, "/components/schemas")?;
    let schemas = schemas.as_object_mut().ok_or("/components/schemas is not an object")?;
    *schemas = replaced(mem::take(schemas), &old, jobs)?;
    Ok(())
}

fn place<'a>(document: &'a mut Value, pointer: &str) -> Result<&'a mut Value, String> {
    document.pointer_mut(pointer).ok_or_else(|| format!("{pointer} is missing"))
}

/// The schemas with those of the jobs in the place of the old ones.
fn replaced(
    schemas: Map<String, Value>,
    old: &[&str],
    jobs: &[Job],
) -> Result<Map<String, Value>, String> {
    let mut payloads = jobs.iter().map(|job| (component(&job.kind), (job.schema)()));
    let mut all = Vec::new();
    for (name, schema) in schemas {
        if old.contains(&name.as_str()) {
            all.extend(payloads.by_ref());
        } else {
            all.push((name, schema));
        }
    }
    all.extend(payloads);
    let mut found = Map::new();
    for (name, schema) in all {
        if found.contains_key(&name) {
            return Err(format!("/components/schemas/{name} would be there twice"));
        }
        found.insert(name, schema);
    }
    Ok(found)
}

/// The name of a payload's schema: `send_email` becomes `SendEmail`.
fn component(kind: &Kind) -> String {
    let capitalized = |word: &str| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_ascii_uppercase() + rest
    };
    kind.as_str().split('_').map(capitalized).collect()
}

/// The rule of a new task without a job.
fn manual() -> Value {
    json!({
        "if": { "properties": { "type": { "const": Kind::MANUAL } } },
        "then": {
            "properties": { "title": { "type": "string" }, "payload": { "type": "null" } },
            "required": ["title"],
            "unevaluatedProperties": true
        }
    })
}

/// The rule of a new task that gives a type its payload.
fn rule(job: &Job) -> Value {
    let reference = format!("#/components/schemas/{}", component(&job.kind));
    json!({
        "if": { "properties": { "type": { "const": job.kind } }, "required": ["type"] },
        "then": {
            "properties": { "payload": { "$ref": reference } },
            "required": ["payload"],
            "unevaluatedProperties": true
        }
    })
}

/// The name of the schema in a rule.
fn component_of(rule: &Value) -> Option<&str> {
    rule.pointer("/then/properties/payload/$ref")?.as_str()?.rsplit('/').next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use chassis::derived::rewritten;

    const DOCUMENT: &str = include_str!("../../openapi.json");

    fn written(document: &str, jobs: &[Job]) -> Result<String, String> {
        let derive = |document: &mut Value| derive_from(jobs, document);
        rewritten(document, derive).map_err(|failure| failure.to_string())
    }

    #[test]
    fn document_is_up_to_date() {
        assert!(
            written(DOCUMENT, JOBS).unwrap() == DOCUMENT,
            "openapi.json is not as the command writes it: run `cargo run -p tasks -- openapi --write`"
        );
    }

    #[test]
    fn document_is_outdated_after_each_change_of_the_registry() {
        let one = Job { kind: Kind::new("type_for_test"), ..JOBS[0].clone() };
        let other = Job { schema: || json!({ "type": "object" }), ..JOBS[0].clone() };
        let added = [JOBS, &[one]].concat();
        let reversed: Vec<Job> = JOBS.iter().rev().cloned().collect();
        let changed = [&[other], &JOBS[1..]].concat();
        for (change, jobs) in [
            ("a type is added", &*added),
            ("a type is removed", &JOBS[1..]),
            ("no type is left", &[]),
            ("the order changes", &reversed),
            ("a schema changes", &changed),
        ] {
            let outdated = written(DOCUMENT, jobs).unwrap();
            assert!(outdated != DOCUMENT, "{change}");
            assert_eq!(written(&outdated, jobs).unwrap(), outdated, "{change}");
            if !jobs.is_empty() {
                assert!(written(&outdated, JOBS).unwrap() == DOCUMENT, "{change}");
            }
        }
    }

    #[test]
    fn added_type_is_in_each_place() {
        let one = Job { kind: Kind::new("type_for_test"), ..JOBS[0].clone() };
        let text = written(DOCUMENT, &[JOBS, &[one]].concat()).unwrap();
        let document: Value = serde_json::from_str(&text).unwrap();
        let schemas = &document["components"]["schemas"];
        assert_eq!(schemas["TypeForTest"], schemas["SendEmail"]);
        let kinds = schemas["TaskType"]["enum"].as_array().unwrap();
        assert_eq!(
            (kinds.len(), &kinds[kinds.len() - 1]),
            (JOBS.len() + 2, &json!("type_for_test"))
        );
        let rules = schemas["NewTask"]["allOf"].as_array().unwrap();
        assert_eq!(rules.len(), JOBS.len() + 2);
        assert_eq!(component_of(&rules[JOBS.len() + 1]), Some("TypeForTest"));
    }

    #[test]
    fn name_that_the_document_has_already_is_refused() {
        let one = Job { kind: Kind::new("task_list"), ..JOBS[0].clone() };
        let error = written(DOCUMENT, &[JOBS, &[one]].concat()).unwrap_err();
        assert!(error.contains("/components/schemas/TaskList"), "{error}");
    }

    #[test]
    fn document_without_a_place_is_refused() {
        for member in ["TaskType", "NewTask"] {
            let other = DOCUMENT.replace(&format!("      \"{member}\": {{"), "      \"Other\": {");
            let error = written(&other, JOBS).unwrap_err();
            assert!(error.contains(&format!("/components/schemas/{member}/")), "{error}");
        }
    }

    #[test]
    fn longest_payload_fits_into_a_request() {
        let document: Value = serde_json::from_str(DOCUMENT).unwrap();
        for (path, method) in [
            ("/api/v1/tasks", "post"),
            ("/api/v1/tasks/{id}", "put"),
            ("/api/v1/tasks/{id}", "patch"),
        ] {
            let most = document["paths"][path][method]["x-max-body"].as_u64().unwrap();
            for job in JOBS {
                assert!((job.longest as u64) < most, "{path}, {method}: {}", job.kind.as_str());
            }
        }
    }
}
