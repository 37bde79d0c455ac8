//! The review as Markdown: the worst finding first, within the maximum length of a comment on GitHub.
//!
//! `markup` escapes all text from the plan.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::Review;
use super::difference;
use super::finding::{Finding, Level, Topic};
use super::markup::{code, escape, money};
use super::page::Page;
use crate::plan::{Action, Plan, Resource};

/// Marks the comment, so that the next run finds and replaces it.
pub(super) const MARKER: &str = "<!-- plan review -->";

/// Resources named in one line before "and N more".
const NAMED: usize = 3;

/// Rows of a table before it is folded.
const ROWS: usize = 8;

/// The whole review, in at most `limit` bytes.
#[must_use]
pub(super) fn markdown(review: &Review, plan: &Plan, limit: usize) -> String {
    let mut page = Page::new(limit);
    page.must(&format!("{MARKER}\n## {}\n\n{}\n", headline(review), summary(review, plan)));
    page.may(&reds(review));
    page.may(&broken(review));
    page.may(&doomed(plan));
    page.may(&topics(review));
    page.may(&bill(review));
    page.may(&warnings(plan));
    details(&mut page, "Changed in place or created", plan.changed().filter(|r| !is_doomed(r)));
    details(
        &mut page,
        "Changed outside of Terraform since the last apply",
        plan.resource_drift.iter(),
    );
    page.finish()
}

fn headline(review: &Review) -> &'static str {
    match review.level() {
        Some(Level::Danger) => "🔴 Plan review: stop and read",
        Some(Level::Caution) => "🟡 Plan review: look twice",
        Some(Level::Note) => "🟢 Plan review: routine",
        None => "⚪ Plan review: nothing changes",
    }
}

fn summary(review: &Review, plan: &Plan) -> String {
    let number = |action| plan.changed().filter(|resource| resource.action() == action).count();
    let counts = [
        (number(Action::Destroy), "destroyed"),
        (number(Action::Replace), "replaced"),
        (number(Action::Update), "changed in place"),
        (number(Action::Create), "created"),
        (number(Action::Forget), "forgotten"),
    ];
    let mut parts: Vec<String> =
        counts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("**{n} {what}**")).collect();
    if parts.is_empty() {
        parts.push("No resource changes".to_owned());
    }
    let rules = match review.verdict.violations.len() {
        0 => format!("all {} rules kept", review.verdict.rules.len()),
        _ => format!(
            "**{} of {} rules broken**",
            review.broken_rules().len(),
            review.verdict.rules.len()
        ),
    };
    let secrets = match review.secrets.leaks.len() {
        0 => format!("no secret in {} values", review.secrets.strings),
        n => format!("**{n} SECRETS IN THE PLAN**"),
    };
    let dollars = review.bill.difference();
    let bill = if dollars.abs() < 0.005 {
        "same monthly bill".to_owned()
    } else {
        format!("about **{}** a month", money(dollars))
    };
    format!("{}  \n{rules} · {secrets} · {bill}", parts.join(" · "))
}

/// Findings as a list. Findings with the same level and sentence become one line.
fn list<'a>(findings: impl Iterator<Item = &'a Finding>) -> String {
    let mut groups: Vec<(&Finding, Vec<String>)> = Vec::new();
    for finding in findings {
        let same = |(first, _): &&mut (&Finding, _)| {
            first.level == finding.level && first.text == finding.text
        };
        match groups.iter_mut().find(same) {
            Some((_, addresses)) => addresses.push(code(&finding.address)),
            None => groups.push((finding, vec![code(&finding.address)])),
        }
    }
    let line = |(finding, addresses): &(&Finding, Vec<String>)| {
        format!("- {} {}: {}\n", finding.level.mark(), some(addresses), escape(&finding.text))
    };
    groups.iter().map(line).collect()
}

/// The first entries of a list, and the number of the others.
fn some(all: &[String]) -> String {
    let mut text = all.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    if all.len() > NAMED {
        let _ = write!(text, " and {} more", all.len() - NAMED);
    }
    text
}

fn reds(review: &Review) -> String {
    let mut text = String::new();
    for leak in &review.secrets.leaks {
        let _ = writeln!(
            text,
            "- 🔴 **secret**: {} at {}. Do not keep this plan; change the secret.",
            leak.what,
            code(&leak.path)
        );
    }
    text += &list(review.findings.iter().filter(|finding| finding.level == Level::Danger));
    if text.is_empty() { text } else { format!("\n{text}") }
}

fn is_doomed(resource: &Resource) -> bool {
    matches!(resource.action(), Action::Destroy | Action::Replace)
}

fn doomed(plan: &Plan) -> String {
    let mut resources: Vec<&Resource> =
        plan.changed().filter(|resource| is_doomed(resource)).collect();
    if resources.is_empty() {
        return String::new();
    }
    resources.sort_by_key(|resource| (resource.action(), resource.address.as_str()));
    let mut text = String::from("\n### Destroyed and replaced\n\n");
    let long = resources.len() > ROWS;
    if long {
        let _ = writeln!(text, "<details><summary>All {} of them</summary>\n", resources.len());
    }
    text.push_str("| | Resource | Why |\n|---|---|---|\n");
    for resource in resources {
        let (what, why) = match resource.action() {
            Action::Replace => ("replaced", reasons(resource)),
            _ => ("destroyed", "no longer in the configuration, or under another name".to_owned()),
        };
        let _ = writeln!(text, "| {what} | {} | {why} |", code(&resource.address));
    }
    if long {
        text.push_str("\n</details>\n");
    }
    text
}

fn reasons(resource: &Resource) -> String {
    let forcing = resource.replaced_for();
    let differences = difference::find(resource);
    let lines: Vec<String> = differences
        .iter()
        .filter(|difference| forcing.iter().any(|path| is_within(&difference.path, path)))
        .map(line)
        .collect();
    if lines.is_empty() { escape(&forcing.join(", ")) } else { lines.join("<br>") }
}

/// Whether a dotted path is inside another or is the same.
fn is_within(path: &str, outer: &str) -> bool {
    path.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn line(difference: &difference::Difference) -> String {
    let side = |side: &Option<difference::Side>| {
        side.as_ref().map_or_else(|| "none".to_owned(), |side| code(&side.text()))
    };
    format!(
        "{}: {} → {}",
        code(&difference.path),
        side(&difference.before),
        side(&difference.after)
    )
}

fn broken(review: &Review) -> String {
    if review.verdict.violations.is_empty() {
        return String::new();
    }
    let mut text = String::from("\n### Broken rules\n\n");
    let mut by_rule: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for violation in &review.verdict.violations {
        by_rule.entry(&violation.rule).or_default().push(format!(
            "{} ({})",
            code(&violation.address),
            escape(&violation.detail)
        ));
    }
    for (rule, places) in by_rule {
        let mark = if review.allowed.iter().any(|allowed| allowed == rule) {
            "⚪ allowed by hand:"
        } else {
            "🔴"
        };
        let demand = review.verdict.rules.get(rule).map_or("", String::as_str);
        let _ = writeln!(
            text,
            "- {mark} **{}** {} Broken by {}.",
            escape(rule),
            escape(demand),
            some(&places)
        );
    }
    text
}

fn topics(review: &Review) -> String {
    let section = |topic: &Topic| {
        let of_topic = review
            .findings
            .iter()
            .filter(|finding| finding.topic == *topic && finding.level != Level::Danger);
        let lines = list(of_topic);
        (!lines.is_empty()).then(|| format!("\n### {}\n\n{lines}", topic.title()))
    };
    Topic::ALL.iter().filter_map(section).collect()
}

fn bill(review: &Review) -> String {
    if review.bill.lines.is_empty() {
        return String::new();
    }
    let lines: Vec<String> = review
        .bill
        .lines
        .iter()
        .map(|(what, dollars)| format!("{} {}", code(what), money(*dollars)))
        .collect();
    format!(
        "\n### Monthly bill\n\nAbout {}: {}. Without traffic, logs and data transfer; {}.\n",
        money(review.bill.difference()),
        lines.join(", "),
        review.bill.source
    )
}

fn warnings(plan: &Plan) -> String {
    let lines: Vec<String> =
        plan.warnings().map(|message| format!("- 🟡 {}\n", escape(message))).collect();
    if lines.is_empty() {
        String::new()
    } else {
        format!("\n### Terraform warnings\n\n{}", lines.concat())
    }
}

/// One collapsed list. Entries that do not fit are counted.
fn details<'a>(page: &mut Page, title: &str, resources: impl Iterator<Item = &'a Resource>) {
    const CLOSE: &str = "\n</details>\n";
    let entries: Vec<String> = resources.map(entry).collect();
    let open = format!("\n<details><summary>{title} ({})</summary>\n\n", entries.len());
    if entries.is_empty() || !page.fits(open.len()) {
        return;
    }
    page.must(&open);
    let mut left_out = 0;
    for entry in entries {
        if page.fits(entry.len()) {
            page.must(&entry);
        } else {
            left_out += 1;
        }
    }
    if left_out > 0 {
        page.must(&format!("- {left_out} more do not fit. Read the plan.\n"));
    }
    page.must(CLOSE);
}

fn entry(resource: &Resource) -> String {
    if resource.action() == Action::Create {
        return format!("- created {}\n", code(&resource.address));
    }
    let mut text = format!("- {}\n", code(&resource.address));
    for difference in difference::find(resource) {
        let _ = writeln!(text, "  - {}", line(&difference));
    }
    text
}
