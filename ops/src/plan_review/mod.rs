//! The review of a Terraform plan, for the person who has to approve it.
//!
//! `terraform plan` lists the attributes that change. A reviewer needs their effect on access, data, callers, alarms
//! and cost.
//!
//! - The rules of `rules/` judge the planned state and what is lost.
//! - `access`, `availability` and `limits` describe the changes.
//! - `render` prints the worst finding first.

mod access;
mod attributes;
mod availability;
mod bill;
mod container;
pub(crate) mod difference;
mod finding;
mod limits;
mod markup;
mod page;
mod permissions;
mod render;
mod rules;
mod secrets;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use serde_json::Value;

use crate::plan::Plan;
use finding::{Finding, Level, Topic};
use rules::Verdict;

const LIMIT: usize = 60_000;

/// Arguments of the command.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The plan, as `terraform show -json PLAN` writes it
    plan: PathBuf,
    /// Folder of the rules
    #[arg(long, default_value = "rules")]
    rules: PathBuf,
    /// The file for the Markdown; the standard output when missing
    #[arg(long)]
    output: Option<PathBuf>,
    /// Maximum bytes of Markdown: GitHub refuses comments of more than 65,536 characters
    #[arg(long, default_value_t = LIMIT)]
    limit: usize,
    /// A rule that this plan may break; can be given more than once
    #[arg(long, value_name = "RULE")]
    allow: Vec<String>,
    /// The file for the part of the plan that the review reads
    #[arg(long, value_name = "FILE")]
    trimmed: Option<PathBuf>,
}

impl Args {
    /// The review of a plan by the rules of the repository.
    #[must_use]
    pub fn new(plan: &Path, output: &Path, allow: Vec<String>) -> Self {
        Self {
            plan: plan.to_owned(),
            rules: PathBuf::from("rules"),
            output: Some(output.to_owned()),
            limit: LIMIT,
            allow,
            trimmed: None,
        }
    }
}

/// The result of the review.
#[derive(Debug)]
struct Review {
    findings: BTreeSet<Finding>,
    verdict: Verdict,
    allowed: Vec<String>,
    secrets: secrets::Report,
    bill: bill::Bill,
    changes: bool,
}

impl Review {
    /// The worst level that was found; `None` when the plan changes nothing.
    fn level(&self) -> Option<Level> {
        let refused = !self.secrets.leaks.is_empty() || !self.refused_rules().is_empty();
        let worst = self.findings.iter().map(|finding| finding.level).min();
        let worst = if refused { Some(Level::Danger) } else { worst };
        worst.or(self.changes.then_some(Level::Note))
    }

    fn broken_rules(&self) -> BTreeSet<&str> {
        self.verdict.violations.iter().map(|violation| violation.rule.as_str()).collect()
    }

    /// Broken rules that `--allow` does not list.
    fn refused_rules(&self) -> BTreeSet<&str> {
        let allowed = |rule: &&str| self.allowed.iter().any(|allowed| allowed == rule);
        self.broken_rules().into_iter().filter(|rule| !allowed(rule)).collect()
    }
}

/// The reason why a plan is refused.
#[derive(Debug)]
pub struct Refusal {
    /// Rules that it breaks and `--allow` does not list.
    pub rules: Vec<String>,
    /// Whether it contains a secret. No option allows that.
    pub secret: bool,
}

/// Runs the command; `Ok(false)` means that the plan breaks a rule or contains a secret.
///
/// A dangerous plan that breaks no rule passes: a person decides about it.
pub fn run(args: &Args) -> anyhow::Result<bool> {
    Ok(judge(args)?.is_none())
}

/// Writes the review. `None` means that the plan is not refused.
pub(crate) fn judge(args: &Args) -> anyhow::Result<Option<Refusal>> {
    let json = std::fs::read_to_string(&args.plan)
        .with_context(|| format!("cannot read {}", args.plan.display()))?;
    let whole: Value = serde_json::from_str(&json)
        .context("this is not the JSON of `terraform show -json PLAN`")?;
    let secrets = secrets::look(&whole);
    let mut plan = attributes::trim(&whole)?;
    let (refusal, markdown) = review(&plan, secrets.clone(), args)?;
    if let Some(path) = &args.trimmed {
        attributes::leave_out_unchanged(&mut plan);
        for (plan, what) in [(&whole, "the whole plan"), (&plan, "the trimmed plan")] {
            let (_, other) = review(plan, secrets.clone(), args)?;
            ensure!(
                other == markdown,
                "{what} has a different review, so attributes.rs lacks an attribute that the review reads:\n{other}"
            );
        }
        write(path, &plan.to_string())?;
    }
    match &args.output {
        Some(path) => write(path, &markdown)?,
        None => std::io::stdout().write_all(markdown.as_bytes())?,
    }
    Ok(refusal)
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

fn review(
    plan: &Value,
    mut secrets: secrets::Report,
    args: &Args,
) -> anyhow::Result<(Option<Refusal>, String)> {
    let json = plan.to_string();
    let plan = Plan::parse(&json)?;
    let verdict = rules::judge(&json, &args.rules)?;
    for rule in &args.allow {
        ensure!(verdict.rules.contains_key(rule), "--allow {rule}: no rule has this name");
    }
    secrets.leaks.extend(verdict.leaks.iter().cloned());
    let mut findings: BTreeSet<Finding> = verdict.findings().collect();
    for resource in plan.changed() {
        for (topic, changes) in [
            (Topic::Access, access::changes(resource, &verdict)),
            (Topic::Availability, availability::changes(resource)),
            (Topic::Limits, limits::changes(resource)),
        ] {
            let found = |(level, text)| Finding::new(level, topic, &resource.address, text);
            findings.extend(changes.into_iter().map(found));
        }
    }
    let review = Review {
        findings,
        verdict,
        allowed: args.allow.clone(),
        secrets,
        bill: bill::difference(&plan),
        changes: plan.changed().next().is_some(),
    };
    let rules: Vec<String> = review.refused_rules().into_iter().map(str::to_owned).collect();
    let secret = !review.secrets.leaks.is_empty();
    let refusal = (secret || !rules.is_empty()).then_some(Refusal { rules, secret });
    Ok((refusal, render::markdown(&review, &plan, args.limit)))
}
