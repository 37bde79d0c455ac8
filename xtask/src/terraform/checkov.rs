//! Scans the configuration and the plan with checkov. A plan contains no comments, so checkov takes its skip comments
//! from the configuration.

use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::Context as _;
use serde_json::Value;

use super::parallel::each;
use super::root::documents;
use super::{ROOTS, Setup, plan};
use crate::command::{from_line, tail};

pub(super) fn run(setup: &Setup<'_>) -> anyhow::Result<()> {
    let Setup { repository, work, checks, .. } = *setup;
    let started = Instant::now();
    let folder = |root: &str| work.join("plan").join(root.replace('/', "-"));
    if !folder(ROOTS[1]).join("plan.json").exists() {
        plan::plans(setup)?;
    }
    let services = documents(&repository.join("services"))?;
    let mut scans = Vec::new();
    for root in ROOTS {
        // The bootstrap root is inside the folder of the other root.
        let other = if root == ROOTS[0] { "/none/" } else { "/bootstrap/" };
        let arguments = format!(
            "--framework terraform --skip-path {other} --skip-path /tests/ --directory {root}"
        );
        scans.push((format!("checkov, configuration, {root}"), arguments));
        // checkov finds no comment for an address with two indexes, such as module.sum[0].aws_thing.this["0.0.0.0/0"].
        let mut plan = fs::read_to_string(folder(root).join("plan.json"))?;
        for (service, _) in &services {
            plan = plan.replace(&format!("module.{service}[0]"), &format!("module.{service}"));
        }
        let scanned = folder(root).join("scanned.json");
        fs::write(&scanned, plan)?;
        let scanned = scanned.strip_prefix(repository)?.display();
        let arguments = format!(
            "--framework terraform_plan --repo-root-for-plan-enrichment {root} --file {scanned}"
        );
        scans.push((format!("checkov, plan, {root}"), arguments));
    }
    each(&scans, |(name, arguments)| {
        let found = scan(repository, arguments).with_context(|| name.clone())?;
        let Found { passed, failed, skipped, broken, .. } = found;
        if passed > 0 && failed + broken == 0 {
            let name = format!("{name}: {passed} passed, {skipped} skipped with a reason");
            checks.pass(&name, 1);
        } else {
            let name = format!("{name}: {passed} passed, {failed} failed, {broken} not parsed");
            checks.fail(&name, &found.names.join("\n"));
        }
        Ok(())
    })?;
    println!("checkov: {} s", started.elapsed().as_secs());
    Ok(())
}

#[derive(Debug, Default, PartialEq)]
struct Found {
    passed: u64,
    skipped: u64,
    /// Files that checkov could not parse.
    broken: u64,
    failed: u64,
    /// Each failed check, with its resource.
    names: Vec<String>,
}

fn scan(repository: &Path, arguments: &str) -> anyhow::Result<Found> {
    let options = "--quiet --compact --skip-download --skip-results-upload --output json";
    let mut checkov = from_line(&format!(".tools/checkov/bin/checkov {options} {arguments}"));
    let output = checkov.current_dir(repository).output().context("checkov cannot be started")?;
    let complaint = tail(&String::from_utf8_lossy(&output.stderr), 5);
    read(&String::from_utf8_lossy(&output.stdout)).context(complaint)
}

fn read(text: &str) -> anyhow::Result<Found> {
    let result: Value = serde_json::from_str(text)?;
    let mut found = Found::default();
    for result in result.as_array().unwrap_or(&vec![result.clone()]) {
        let summary = if result["summary"].is_null() { result } else { &result["summary"] };
        let count =
            |name: &str| summary[name].as_u64().with_context(|| format!("no count: {name}"));
        found.passed += count("passed")?;
        found.failed += count("failed")?;
        found.skipped += count("skipped")?;
        found.broken += count("parsing_errors")?;
        let failed = result["results"]["failed_checks"].as_array().into_iter().flatten();
        found.names.extend(failed.map(|check| {
            ["check_id", "resource", "check_name"]
                .map(|name| check[name].as_str().unwrap_or("?"))
                .join(" ")
        }));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn read_accepts_one_report_or_a_list() {
        let report = r#"{"summary":{"passed":3,"failed":1,"skipped":2,"parsing_errors":0},
            "results":{"failed_checks":[{"check_id":"CKV_1","resource":"a.b","check_name":"n"}]}}"#;
        let names = vec!["CKV_1 a.b n".to_owned()];
        let expected = Found { passed: 3, skipped: 2, broken: 0, failed: 1, names };
        assert_eq!(read(report).unwrap(), expected);
        assert_eq!(read(&format!("[{report}]")).unwrap(), expected);
        let empty = r#"{"passed":0,"failed":0,"skipped":0,"parsing_errors":0}"#;
        assert_eq!(read(empty).unwrap(), Found::default());
        read("").unwrap_err();
    }
}
