//! Checks the runbook's table "Whom to call", which the on-call engineer uses to escalate.
//!
//! The repository has a table with placeholders. A deployment to production is refused until every cell is filled in. A
//! trial without a domain name has no callers, so it needs no contacts. A rollback is never refused for this reason.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;

use super::Refused;
use super::environment::DEFAULT;
use super::stack::Target;

const HEADING: &str = "### Whom to call";
const PLACEHOLDER: &str = "FILL IN";
/// The rows that the runbook's sections refer to. Each must exist.
const ROLES: [&str; 8] = [
    "First on call",
    "Second on call",
    "Owner of the service",
    "Readers of incident messages",
    "Security",
    "Owner of the domain",
    "Administrator of the AWS account",
    "Contacts of the clients",
];

/// The location of the table.
#[derive(Debug, clap::Args)]
pub(super) struct Contacts {
    /// Page with the table "Whom to call", also outside of the repository
    #[arg(long, env = "RUNBOOK", default_value = "docs/runbook.md")]
    runbook: PathBuf,
}

impl Contacts {
    /// Refuses production while the table is incomplete. `plan` is the output of `terraform show -json`.
    pub(super) fn check_plan(&self, target: &Target, plan: &str) -> anyhow::Result<()> {
        let plan: Value = serde_json::from_str(plan).context("the plan")?;
        self.check(target, &plan["variables"]["services"]["value"])
    }

    /// The same check with the variable `services`, before the build and the plan.
    pub(super) fn check(&self, target: &Target, services: &Value) -> anyhow::Result<()> {
        // A service without HTTPS has no domain name.
        let is_trial = services[&target.service]["insecure_http"] == true;
        if target.environment.as_str() != DEFAULT || is_trial {
            return Ok(());
        }
        let page = fs::read_to_string(&self.runbook)
            .with_context(|| format!("RUNBOOK={}", self.runbook.display()))?;
        check_table(&page).map_err(|error| {
            let file = self.runbook.display();
            Refused(format!("{file}, \"Whom to call\": {error}. Fill in the table, or set RUNBOOK to another page: production needs contacts")).into()
        })
    }
}

/// Each role must have one row, and every cell must be filled in.
fn check_table(page: &str) -> anyhow::Result<()> {
    let (_, section) = page.split_once(HEADING).context("the page has no such section")?;
    let section = section.split("\n#").next().unwrap_or_default();
    let rows = section.lines().filter_map(cells);
    // The first two lines are the table's head.
    let rows: Vec<Vec<&str>> = rows.skip(2).collect();
    for role in ROLES {
        let mut of_role = rows.iter().filter(|row| row[0] == role);
        let row = of_role.next().with_context(|| format!("no row {role:?}"))?;
        ensure!(of_role.next().is_none(), "two rows {role:?}");
        ensure!(row.len() >= 3, "the row {role:?} needs a person and a way to reach them");
    }
    for row in &rows {
        if row.iter().any(|cell| cell.is_empty() || cell.contains(PLACEHOLDER)) {
            bail!("the row {:?} is not filled in", row[0]);
        }
    }
    Ok(())
}

/// The cells of one line of a table.
fn cells(line: &str) -> Option<Vec<&str>> {
    let inner = line.trim().strip_prefix('|')?.strip_suffix('|')?;
    Some(inner.split('|').map(str::trim).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The page of the repository.
    fn page() -> String {
        fs::read_to_string("../docs/runbook.md").unwrap()
    }

    fn filled() -> String {
        page().replace(PLACEHOLDER, "somebody")
    }

    fn refusal(page: &str) -> String {
        check_table(page).unwrap_err().to_string()
    }

    #[test]
    fn placeholders_are_refused_and_a_filled_copy_passes() {
        assert_eq!(refusal(&page()), "the row \"First on call\" is not filled in");
        check_table(&filled()).unwrap();
    }

    #[test]
    fn empty_cells_and_missing_rows_are_refused() {
        for role in ROLES {
            let row = format!("| {role} | somebody | somebody |");
            let filled = filled();
            assert_eq!(filled.matches(&row).count(), 1, "{role}");
            let with = |other: &str| filled.replace(&row, other);
            for bad in [
                format!("| {role} | somebody | FILL IN |"),
                format!("| {role} | somebody |  |"),
                format!("| {role} | | somebody |"),
            ] {
                assert_eq!(refusal(&with(&bad)), format!("the row {role:?} is not filled in"));
            }
            assert_eq!(refusal(&with("")), format!("no row {role:?}"));
            assert_eq!(refusal(&with(&format!("{row}\n{row}"))), format!("two rows {role:?}"));
            refusal(&with(&format!("| {role} | somebody |")));
        }
        assert_eq!(refusal("# Runbook\n"), "the page has no such section");
    }

    #[test]
    fn only_production_with_a_domain_needs_contacts() {
        let folder = tempfile::tempdir().unwrap();
        let contacts = |text: &str| {
            let runbook = folder.path().join("runbook.md");
            fs::write(&runbook, text).unwrap();
            Contacts { runbook }
        };
        let target = |environment: &str| Target {
            service: "sum".to_owned(),
            environment: environment.parse().unwrap(),
            root: PathBuf::from("terraform"),
        };
        let plan = |service: &str| {
            format!("{{\"variables\":{{\"services\":{{\"value\":{{\"sum\":{service}}}}}}}}}")
        };
        let named = plan("{\"domain_name\":\"sum.example.com\",\"insecure_http\":false}");
        let trial = plan("{\"insecure_http\":true}");
        let unfilled = contacts(&page());
        let error = unfilled.check_plan(&target("production"), &named).unwrap_err();
        assert!(error.is::<Refused>(), "{error}");
        // A plan without the variable counts as no trial.
        unfilled.check_plan(&target("production"), "{}").unwrap_err();
        unfilled.check_plan(&target("production"), &trial).unwrap();
        unfilled.check_plan(&target("staging"), &named).unwrap();
        contacts(&filled()).check_plan(&target("production"), &named).unwrap();
        let nowhere = Contacts { runbook: folder.path().join("nowhere.md") };
        nowhere.check_plan(&target("production"), &named).unwrap_err();
    }
}
