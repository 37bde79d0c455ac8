//! The rules for `main`, from `.github/ruleset.json`. `make lint` compares that file with the workflows.

use std::path::Path;

use anyhow::Context as _;
use serde_json::Value;

use super::api::Repository;
use super::report::{Done, Feature, Report};

const FILE: &str = ".github/ruleset.json";

/// Creates the ruleset of the file, or updates the ruleset of the same name.
pub(super) fn set(repository: &Repository, report: &mut Report, root: &Path) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(root.join(FILE)).context(FILE)?;
    let wanted: Value = serde_json::from_str(&text).context(FILE)?;
    let name = wanted["name"].as_str().context("the ruleset has no name")?;
    let what = format!("repository: ruleset {name}");
    let rulesets = match repository.list("rulesets?includes_parents=false", None)? {
        Ok(rulesets) => rulesets,
        Err(refusal) => {
            report.refused(&what, Feature::Rulesets, &refusal);
            return Ok(());
        }
    };
    let Some(found) = rulesets.iter().find(|found| found["name"] == name) else {
        let post = || repository.send("POST", "rulesets", &wanted);
        report.write(Done::Set, &what, Feature::Rulesets, post)?;
        return Ok(());
    };
    // The list of rulesets does not contain their rules.
    let path = format!("rulesets/{}", found["id"]);
    match repository.get(&path)? {
        Ok(found) if is_as(&wanted, &found) => report.ok(&what),
        Ok(_) => {
            let put = || repository.send("PUT", &path, &wanted);
            report.write(Done::Changed, &what, Feature::Rulesets, put)?;
        }
        Err(refusal) => report.refused(&what, Feature::Rulesets, &refusal),
    }
    Ok(())
}

/// Whether GitHub has the wanted rules. GitHub adds members (ids, links, defaults) and reorders lists. Another rule,
/// another check or another bypass actor is a difference.
fn is_as(wanted: &Value, found: &Value) -> bool {
    match (wanted, found) {
        (Value::Object(wanted), Value::Object(found)) => wanted
            .iter()
            .all(|(name, wanted)| found.get(name).is_some_and(|found| is_as(wanted, found))),
        (Value::Array(wanted), Value::Array(found)) => {
            wanted.len() == found.len()
                && wanted.iter().all(|wanted| found.iter().any(|found| is_as(wanted, found)))
        }
        _ => wanted == found,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_other_rules_are_a_difference() {
        let wanted = json!({ "rules": [{ "type": "a" }, { "type": "b", "parameters": { "n": 1 } }], "bypass_actors": [] });
        let same = json!({ "id": 1, "rules": [{ "type": "b", "parameters": { "n": 1, "m": 2 } }, { "type": "a" }], "bypass_actors": [] });
        assert!(is_as(&wanted, &same));
        for (pointer, value) in [
            ("/rules/0/parameters/n", json!(2)),
            ("/rules/1/type", json!("c")),
            ("/bypass_actors", json!([{ "actor_id": 5 }])),
            ("/rules", json!([{ "type": "a" }])),
        ] {
            let mut other = same.clone();
            *other.pointer_mut(pointer).unwrap() = value;
            assert!(!is_as(&wanted, &other), "{pointer}");
        }
    }
}
