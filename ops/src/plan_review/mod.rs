//! What a Terraform plan means, for the person who has to approve it.
//!
//! `terraform plan` says which attributes change. A reviewer wants to know who can get in, what is
//! lost, whether callers notice, whether anybody hears when it goes wrong, and what it costs. Each of
//! these questions is one module that reads the plan's JSON; the rules of `policy/` say what must never
//! be; `render` puts the worst first.

mod access;
mod availability;
mod bill;
mod container;
mod data;
pub(crate) mod difference;
mod finding;
mod limits;
mod markup;
mod page;
mod permissions;
mod policy;
mod render;
mod secrets;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;

use crate::plan::{self, Plan};
use finding::{Finding, Level};
use policy::Violation;

/// Arguments of the command.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The plan, as `terraform show -json PLAN` writes it
    plan: PathBuf,
    /// Folder of the rules
    #[arg(long, default_value = "policy")]
    policies: PathBuf,
    /// Where the Markdown goes; the standard output when missing
    #[arg(long)]
    output: Option<PathBuf>,
    /// Most bytes of Markdown: GitHub refuses comments of more than 65,536 characters
    #[arg(long, default_value_t = 60_000)]
    limit: usize,
    /// A rule that may be broken this time; may be given more than once
    #[arg(long, value_name = "RULE")]
    allow: Vec<String>,
}

/// Everything that the review has to say.
#[derive(Debug)]
pub struct Review {
    findings: Vec<Finding>,
    rules: BTreeMap<String, String>,
    violations: Vec<Violation>,
    allowed: Vec<String>,
    secrets: secrets::Report,
    bill: bill::Bill,
    changes: bool,
}

impl Review {
    /// The worst that was found, or nothing when the plan changes nothing.
    fn level(&self) -> Option<Level> {
        let refused = !self.secrets.leaks.is_empty() || !self.refused_rules().is_empty();
        let worst = self.findings.iter().map(|finding| finding.level).min();
        let worst = if refused { Some(Level::Danger) } else { worst };
        worst.or(self.changes.then_some(Level::Note))
    }

    fn broken_rules(&self) -> BTreeSet<&str> {
        self.violations.iter().map(|violation| violation.rule.as_str()).collect()
    }

    /// Rules that are broken without leave.
    fn refused_rules(&self) -> BTreeSet<&str> {
        let allowed = |rule: &&str| self.allowed.iter().any(|allowed| allowed == rule);
        self.broken_rules().into_iter().filter(|rule| !allowed(rule)).collect()
    }
}

/// Runs the command; `Ok(false)` means that the plan breaks a rule or holds a secret.
///
/// A dangerous plan that breaks no rule passes: whether it is meant is for a person to say.
pub fn run(args: &Args) -> anyhow::Result<bool> {
    let json = std::fs::read_to_string(&args.plan)
        .with_context(|| format!("cannot read {}", args.plan.display()))?;
    let (good, markdown) = review(&json, &known_keys()?, args)?;
    match &args.output {
        Some(path) => std::fs::write(path, markdown)
            .with_context(|| format!("cannot write {}", path.display()))?,
        None => std::io::stdout().write_all(markdown.as_bytes())?,
    }
    Ok(good)
}

/// The lists of keys in `TF_VAR_api_keys`. The error does not repeat what it holds.
fn known_keys() -> anyhow::Result<Vec<String>> {
    let Ok(keys) = std::env::var("TF_VAR_api_keys") else { return Ok(Vec::new()) };
    let keys: BTreeMap<String, String> = serde_json::from_str(&keys)
        .map_err(|_| anyhow::anyhow!("TF_VAR_api_keys must be a JSON object of strings"))?;
    Ok(keys.into_values().collect())
}

fn review(json: &str, known: &[String], args: &Args) -> anyhow::Result<(bool, String)> {
    let plan = Plan::parse(json)?;
    let verdict = policy::judge(json, &args.policies)?;
    for rule in &args.allow {
        anyhow::ensure!(verdict.rules.contains_key(rule), "--allow {rule}: there is no such rule");
    }
    let mut findings = [access::findings, data::findings, availability::findings, limits::findings]
        .iter()
        .flat_map(|of| of(&plan))
        .collect::<Vec<_>>();
    findings.sort();
    let review = Review {
        findings,
        rules: verdict.rules,
        violations: verdict.violations,
        allowed: args.allow.clone(),
        secrets: secrets::look(&serde_json::from_str(json)?, known),
        bill: bill::difference(&plan),
        changes: plan.changed().next().is_some(),
    };
    let good = review.refused_rules().is_empty() && review.secrets.leaks.is_empty();
    Ok((good, render::markdown(&review, &plan, args.limit)))
}
