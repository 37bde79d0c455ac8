//! `terraform test` of the two roots and of the module, with mocked providers, and the values that they reject.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::events::Events;
use super::parallel::each;
use super::{ROOTS, Root, Setup, Terraform, refused};
use crate::command::tail;
use crate::test::Counts;

/// The module, which is tested as a root.
pub(super) const MODULE: &str = "terraform/service";

/// Attributes that name a resource.
const NAMES: [&str; 6] =
    ["alarm_name", "bucket", "dashboard_name", "domain_name", "family", "name"];

/// Types whose name must be unique only within another named resource.
const NAMED_WITHIN: [&str; 1] = ["aws_iam_role_policy"];

/// The plan changes no ARN, so the ECS service of the task definition has no change.
const ANOTHER_IMAGE: &str = "module.other[0].aws_ecs_task_definition.this";

/// Copies a root or the module below `work` and adds a second service.
pub(super) fn copy(terraform: &Terraform, name: &str, work: &Path) -> anyhow::Result<Root> {
    let whole = if name == MODULE { ROOTS[1] } else { name };
    let root = terraform.ready(&terraform.repository.join(whole), &work.join(whole))?;
    let mut document: Value = serde_json::from_slice(&fs::read(
        terraform.repository.join("contract/parcels/openapi.json"),
    )?)?;
    document["x-service"]["name"] = "sum-api-2".into();
    fs::create_dir_all(work.join("services/other"))?;
    fs::write(work.join("services/other/openapi.json"), document.to_string())?;
    if name == MODULE { root.service() } else { Ok(root) }
}

/// Runs `terraform test` with the shared variables of the root's tests.
pub(super) fn test(root: &Root, name: &str, arguments: &[&str]) -> anyhow::Result<Events> {
    let shared: &[&str] = match name {
        MODULE => &["-var-file=tests/shared.tfvars"],
        "terraform" => &["-var-file=terraform.tfvars.example"],
        _ => &[],
    };
    Events::from_command(root, None, "test", &[shared, arguments].concat())
}

pub(super) fn run(setup: &Setup<'_>) -> anyhow::Result<()> {
    type Proof = fn(&Setup<'_>, &str, &Path) -> anyhow::Result<String>;
    // The longest tests first.
    let proofs: [(&str, &str, Proof); 8] = [
        ("terraform test", MODULE, tests),
        ("terraform test", "two services", two_services),
        ("terraform test", ROOTS[1], tests),
        ("terraform test", "two environments", two_environments),
        ("values refused", MODULE, refusals),
        ("terraform test", ROOTS[0], tests),
        ("values refused", ROOTS[1], refusals),
        ("values refused", ROOTS[0], refusals),
    ];
    each(&proofs, |(what, name, proof)| {
        let (started, title) = (Instant::now(), format!("{what}, {name}"));
        let work = setup.work.join(title.replace([' ', '/', ','], "-"));
        let counts = proof(setup, name, &work).with_context(|| title.clone())?;
        println!("{title}: {counts} ({} s)", started.elapsed().as_secs());
        Ok(())
    })
    .map(drop)
}

fn tests(setup: &Setup<'_>, name: &str, work: &Path) -> anyhow::Result<String> {
    let events = test(&copy(setup.terraform, name, work)?, name, &[])?;
    let counts = events.tests()?;
    ensure!(counts.passed > 0, "no test passed\n{}", events.complaint());
    setup.checks.add(counts);
    let files: Vec<&str> = events.files().collect();
    let complaint = if counts.failed > 0 { events.complaint() } else { String::new() };
    let Counts { passed, failed, .. } = counts;
    print!("  {}\n{}", files.join("\n  "), tail(&complaint, 60));
    Ok(format!("{passed} passed, {failed} failed"))
}

fn refusals(setup: &Setup<'_>, name: &str, work: &Path) -> anyhow::Result<String> {
    let found = refused::check(setup.terraform, &setup.repository.join(name), work)?;
    let failed = u32::try_from(found.wrong.len())?;
    let passed = u32::try_from(found.checked)?.saturating_sub(failed);
    setup.checks.add(Counts { passed, failed, skipped: 0 });
    for wrong in &found.wrong {
        println!("FAILED  {name}: {wrong}");
    }
    Ok(format!("{passed} passed, {failed} failed"))
}

/// Tests two services in one environment. A change of one service must not change the other.
fn two_services(setup: &Setup<'_>, _: &str, work: &Path) -> anyhow::Result<String> {
    let events = test_two_services(&copy(setup.terraform, ROOTS[1], work)?)?;
    setup.checks.check("test: two services in one environment", || events.expect_status(0));
    let changed = events.changes_of_run("another_image")?;
    let changed: Vec<&str> = changed.iter().filter_map(|c| c["address"].as_str()).collect();
    let name = "test: another image of one service changes no other service";
    setup.checks.check(name, || same(&[ANOTHER_IMAGE], &changed));
    Ok(format!("{} passed", events.tests()?.passed))
}

/// Adds a second service to a copy of the root, and runs the tests in `tests/two_services`.
pub(super) fn test_two_services(root: &Root) -> anyhow::Result<Events> {
    let path = root.folder.join("services.tf");
    let services = fs::read_to_string(&path)?;
    fs::write(path, with_second_service(&services).context("services.tf has another form")?)?;
    root.init()?;
    test(root, ROOTS[1], &["-verbose", "-test-directory=tests/two_services"])
}

/// Tests two environments in one account. Their resources must have different names.
fn two_environments(setup: &Setup<'_>, _: &str, work: &Path) -> anyhow::Result<String> {
    let events = test_two_environments(&copy(setup.terraform, ROOTS[1], work)?)?;
    setup.checks.check("test: two environments in one account", || events.expect_status(0));
    let (names, compared) = shared_names(&events)?;
    let name = format!("test: none of {compared} names is in both environments");
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    setup.checks.check(&name, || same(&[], &names));
    Ok(format!("{} passed", events.tests()?.passed))
}

/// Runs the tests in `tests/two_environments`.
pub(super) fn test_two_environments(root: &Root) -> anyhow::Result<Events> {
    test(root, ROOTS[1], &["-verbose", "-test-directory=tests/two_environments"])
}

/// Returns the names that both runs give to resources of one type, and the number of compared names.
pub(super) fn shared_names(events: &Events) -> anyhow::Result<(Vec<String>, usize)> {
    let names = |run| anyhow::Ok(names(&events.changes_of_run(run)?));
    let (production, staging) = (names("production")?, names("staging")?);
    ensure!(production.len() >= 60, "only {} names were found", production.len());
    Ok((production.intersection(&staging).cloned().collect(), production.len()))
}

/// Type and name of each resource whose name must be unique in the account.
fn names(changes: &[&Value]) -> BTreeSet<String> {
    let names = changes.iter().filter(|change| !NAMED_WITHIN.contains(&text(change, "type")));
    let names = names.flat_map(|change| {
        let (kind, after) = (text(change, "type"), &change["change"]["after"]);
        let own = NAMES.iter().filter_map(|name| after[name].as_str());
        own.chain(after["tags"]["Name"].as_str()).map(move |name| format!("{kind} {name}"))
    });
    names.collect()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

/// The generated file with a second service `other`.
fn with_second_service(services: &str) -> Option<String> {
    let other = |text: &str| {
        let text = text.replace("\"sum\"", "\"other\"").replace("module.sum", "module.other");
        text.replace("/sum/", "/other/").replace("    sum ", "    other ")
    };
    let (_, module) = services.split_once("module \"sum\" {")?;
    let (module, _) = module.split_once("\n}\n")?;
    let module = format!("module \"sum\" {{{module}\n}}\n");
    let needs = services.lines().find(|line| line.starts_with("    contains("))?;
    let output = services.lines().find(|line| line.ends_with("= one(module.sum)"))?;
    let mut both = services.replace("folders = [\"sum\"", "folders = [\"sum\", \"other\"");
    for part in [needs, output, &module] {
        both = both.replace(part, &format!("{part}\n{}", other(part)));
    }
    Some(both)
}

/// Fails if the two lists differ.
pub(super) fn same(expected: &[&str], found: &[&str]) -> anyhow::Result<()> {
    ensure!(expected == found, "expected: {expected:?}\nfound:    {found:?}");
    Ok(())
}

#[cfg(test)]
mod unit {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_omit_policies_within_a_role() {
        let change =
            |kind: &str, after: Value| json!({ "type": kind, "change": { "after": after } });
        let queue = change("aws_sqs_queue", json!({ "name": "a", "tags": { "Name": "b" } }));
        let policy = change("aws_iam_role_policy", json!({ "name": "c" }));
        let unnamed = change("aws_route", json!({ "name": null }));
        let found = names(&[&queue, &policy, &unnamed]);
        assert_eq!(found, ["aws_sqs_queue a", "aws_sqs_queue b"].map(str::to_owned).into());
    }

    #[test]
    fn second_service_is_written_like_the_first() {
        let services = fs::read_to_string(crate::root().join("terraform/services.tf")).unwrap();
        let both = with_second_service(&services).unwrap();
        let count = |text: &str| both.matches(text).count();
        assert_eq!(count("folders = [\"sum\", \"other\""), 1);
        assert_eq!(count("\nmodule \"other\" {\n"), 1);
        assert_eq!(count("/services/other/openapi.json"), 1);
        assert_eq!(count("= one(module.other)\n"), 1);
        assert_eq!(count("\"other\""), services.matches("\"sum\"").count());
    }
}
