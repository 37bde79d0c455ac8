//! Tests the plan review with real plans of real changes to `terraform/`.
//!
//! `cargo xtask plan-fixtures` writes the plans. The expected review of each is in `golden/`, and a person has read it.
//! After a change of the text, `UPDATE_GOLDEN=1 cargo test -p ops --test plan_review` writes the reviews again. Then a
//! person must read the difference.

#![expect(clippy::unwrap_used, reason = "a panic in a test is how a test fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use contract::list::at_least;
use serde::Deserialize;
use serde_json::{Value, json};

/// The expected result of a plan, apart from the text of the review.
#[derive(Debug, Deserialize)]
struct Expected {
    mark: String,
    broken: BTreeSet<String>,
    #[serde(default)]
    leaks: bool,
}

/// A change of one value of a good plan, which must break exactly one rule.
#[derive(Debug, Deserialize)]
struct Seed {
    rule: String,
    /// The resource; the task definition when a container is named instead.
    address: Option<String>,
    container: Option<String>,
    /// JSON pointer into the resource or the container.
    set: String,
    to: Value,
}

impl Seed {
    fn plant(&self, plan: &mut Value) {
        let address =
            self.address.as_deref().unwrap_or("module.sum[0].aws_ecs_task_definition.this");
        let resources = plan["resource_changes"].as_array_mut().unwrap();
        let resource =
            resources.iter_mut().find(|resource| resource["address"] == address).expect(address);
        if let Some(name) = &self.container {
            let text = &mut resource["change"]["after"]["container_definitions"];
            let mut containers: Value = serde_json::from_str(text.as_str().unwrap()).unwrap();
            let found = containers
                .as_array_mut()
                .unwrap()
                .iter_mut()
                .find(|container| container["name"] == *name);
            *found.expect(name).pointer_mut(&self.set).expect(&self.set) = self.to.clone();
            *text = containers.to_string().into();
        } else {
            *resource.pointer_mut(&self.set).expect(&self.set) = self.to.clone();
        }
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/plan_review")
}

fn review(plan: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ops"))
        .arg("plan-review")
        .arg(plan)
        .args(arguments)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .output()
        .expect("the review runs")
}

fn text(output: &Output) -> String {
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).expect("Markdown is UTF-8")
}

fn broken_rules(markdown: &str) -> BTreeSet<String> {
    let rule = |line: &str| {
        line.strip_prefix("- 🔴 **")?.split_once("**").map(|(name, _)| name.to_owned())
    };
    let section = markdown.split("### Broken rules").nth(1).unwrap_or_default();
    section.split("###").next().unwrap_or_default().lines().filter_map(rule).collect()
}

fn plan(name: &str) -> PathBuf {
    folder().join("plans").join(format!("{name}.json"))
}

#[test]
fn reviews_of_all_plans_match_the_golden_files() {
    let expected: BTreeMap<String, Expected> =
        serde_json::from_str(&fs::read_to_string(folder().join("expected.json")).unwrap()).unwrap();
    let plans: BTreeSet<String> = fs::read_dir(folder().join("plans"))
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        plans,
        expected.keys().cloned().collect(),
        "plans/ and expected.json must contain the same plans"
    );

    for (name, expected) in at_least(19, expected) {
        let output = review(&plan(&name), &[]);
        let markdown = text(&output);
        let golden = folder().join("golden").join(format!("{name}.md"));
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&golden, &markdown).unwrap();
        }
        assert!(markdown.lines().nth(1).unwrap().contains(&expected.mark), "{name}: {markdown}");
        assert_eq!(broken_rules(&markdown), expected.broken, "{name}");
        assert_eq!(markdown.contains("SECRETS IN THE PLAN"), expected.leaks, "{name}");
        assert_eq!(
            output.status.success(),
            expected.broken.is_empty() && !expected.leaks,
            "{name}"
        );
        assert_eq!(markdown, fs::read_to_string(&golden).unwrap(), "{name}: the text has changed");
    }
}

#[test]
fn plans_contain_only_what_the_review_reads() {
    let scratch = tempfile::tempdir().unwrap();
    let trimmed = scratch.path().join("plan.json");
    let read = |path: &Path| -> Value {
        serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
    };
    let plans = fs::read_dir(folder().join("plans")).unwrap().map(|entry| entry.unwrap().path());
    for plan in at_least(19, plans.collect::<Vec<_>>()) {
        text(&review(&plan, &["--trimmed", trimmed.to_str().unwrap()]));
        assert!(read(&plan) == read(&trimmed), "{}: cargo xtask plan-fixtures", plan.display());
    }
}

#[test]
fn stack_keeps_every_rule_and_each_seed_breaks_one() {
    let good = fs::read_to_string(plan("create_everything")).unwrap();
    let seeds: Vec<Seed> =
        serde_json::from_str(&fs::read_to_string(folder().join("seeds.json")).unwrap()).unwrap();
    let scratch = tempfile::tempdir().unwrap();
    for seed in at_least(18, &seeds) {
        let mut bad: Value = serde_json::from_str(&good).unwrap();
        seed.plant(&mut bad);
        let path = scratch.path().join("plan.json");
        fs::write(&path, bad.to_string()).unwrap();
        let output = review(&path, &[]);
        assert!(!output.status.success(), "{} is broken, but the review passes", seed.rule);
        let broken = broken_rules(&text(&output));
        assert_eq!(broken, BTreeSet::from([seed.rule.clone()]));

        let allowed = review(&path, &["--allow", &seed.rule]);
        let still_leaks = text(&allowed).contains("SECRETS IN THE PLAN");
        assert_eq!(allowed.status.success(), !still_leaks, "--allow {}", seed.rule);
    }
    let rules = "all 21 rules kept";
    assert!(
        text(&review(&plan("create_everything"), &[])).contains(rules),
        "the review of the good plan must contain: {rules}"
    );
    let seeded: BTreeSet<&str> = seeds.iter().map(|seed| seed.rule.as_str()).collect();
    assert_eq!(seeded.len(), 21, "each rule must have a seed: {seeded:?}");
}

#[test]
fn warnings_are_shown() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("plan.json");
    let warnings: Vec<Value> =
        serde_json::from_str(&fs::read_to_string(folder().join("warnings.json")).unwrap()).unwrap();
    for mut resource in at_least(12, warnings) {
        let line = format!("- {}\n", resource["says"].as_str().unwrap());
        resource["mode"] = "managed".into();
        resource["address"] = "x".into();
        let plan = json!({ "format_version": "1.2", "resource_changes": [resource] });
        fs::write(&path, plan.to_string()).unwrap();
        let output = review(&path, &[]);
        let markdown = text(&output);
        assert!(markdown.contains(&line), "{line}{markdown}");
        assert!(output.status.success(), "{line}{markdown}");
    }
}

#[test]
fn comment_stays_within_the_limit() {
    for limit in [2_000, 4_000, 10_000, 60_000] {
        let markdown = text(&review(&plan("destroy"), &["--limit", &limit.to_string()]));
        assert!(markdown.len() <= limit, "{} bytes, {limit} allowed", markdown.len());
        assert_eq!(markdown.matches("<details>").count(), markdown.matches("</details>").count());
        assert!(
            markdown.lines().nth(1).unwrap().contains("🔴"),
            "the first line must have the verdict"
        );
    }
}

#[test]
fn text_of_the_plan_is_escaped() {
    let forged = "x`\n| @everyone <img src=x> |\n## 🟢 Plan review: routine\n- 🟢 [fine](https://example.com)";
    let mut bad: Value =
        serde_json::from_str(&fs::read_to_string(plan("wide_task_role")).unwrap()).unwrap();
    for resource in bad["resource_changes"].as_array_mut().unwrap() {
        if resource["type"] == "aws_iam_role_policy" {
            let statement = json!({ "Effect": "Allow", "Action": [forged], "Resource": forged });
            resource["change"]["after"]["policy"] =
                json!({ "Statement": [statement] }).to_string().into();
            resource["address"] = forged.into();
        }
    }
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("plan.json");
    fs::write(&path, bad.to_string()).unwrap();
    let markdown = text(&review(&path, &[]));
    assert!(markdown.contains("everyone"), "the forged text must be in the review: {markdown}");
    assert_eq!(markdown.lines().filter(|line| line.starts_with("## ")).count(), 1, "{markdown}");
    assert!(!markdown.lines().any(|line| line.starts_with("- 🟢")), "{markdown}");
    // Outside of code spans there must be no mention, no tag and no link.
    let plain: String = markdown.split('`').step_by(2).collect();
    assert!(!plain.contains('@') && !plain.contains("<img") && !plain.contains("]("), "{plain}");
}

#[test]
fn incomplete_plan_is_refused() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("plan.json");
    for (json, complaint) in [
        ("{}", "terraform show -json"),
        (r#"{"format_version":"2.0"}"#, "reads 1.x"),
        (r#"{"format_version":"1.2","errored":true}"#, "could not finish"),
    ] {
        fs::write(&path, json).unwrap();
        let output = review(&path, &[]);
        assert!(!output.status.success());
        assert!(output.stdout.is_empty());
        assert!(String::from_utf8_lossy(&output.stderr).contains(complaint), "{complaint}");
    }
}
