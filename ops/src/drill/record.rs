//! The result of a drill: rows of a table, and the documents that keep the last one.

use std::fmt::Write as _;
use std::path::Path;
use std::time::SystemTime;

use anyhow::Context as _;

/// One incident and one of its alarms.
#[derive(Debug, Clone)]
pub(super) struct Row {
    /// Incident.
    pub(super) name: &'static str,
    /// Runbook section.
    pub(super) section: &'static str,
    /// Seconds from the injection to the first sign.
    pub(super) signal: Option<f32>,
    /// What goes off.
    pub(super) alarm: &'static str,
    /// Seconds from the injection until it goes off: to the first sign, and a minute for each further
    /// period that the alarm waits.
    pub(super) detected: Option<f32>,
    /// Seconds from the mitigation to the first of three seconds without a failed request.
    pub(super) recovered: Option<f32>,
    /// After how many more minutes of metrics the alarm was over.
    pub(super) over: String,
    /// Requests with a valid key that failed, of how many; `None` where the callers do not take that way.
    pub(super) failed: Option<(usize, usize)>,
    /// Whether everything was as it must be.
    pub(super) good: bool,
}

/// The table, for people and for the document alike.
pub(super) fn table(rows: &[Row]) -> String {
    let mut text = String::from(
        "| incident | runbook section | first sign | alarm | detected in | recovered in | alarm over | failed requests | |\n|---|---|---|---|---|---|---|---|---|\n",
    );
    let seconds =
        |value: Option<f32>| value.map_or_else(|| "–".to_owned(), |v| format!("{v:.0} s"));
    for row in rows {
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "| {} | [{}](runbook.md#{}) | {} | {} | {} | {} | {} | {} | {} |",
            row.name,
            row.section,
            row.section,
            seconds(row.signal),
            row.alarm,
            seconds(row.detected),
            seconds(row.recovered),
            row.over,
            row.failed.map_or_else(|| "–".to_owned(), |(failed, of)| format!("{failed} of {of}")),
            if row.good { "as expected" } else { "NOT as expected" }
        );
    }
    text
}

/// Writes the table where people look for it, and a line into each section of the runbook.
pub(super) fn keep(record: &Path, runbook: &Path, rows: &[Row]) -> anyhow::Result<()> {
    let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let date = now.split('T').next().unwrap_or_default();
    let read =
        |file: &Path| std::fs::read_to_string(file).with_context(|| file.display().to_string());
    let document = renewed(&read(record)?, &table(rows), date);
    std::fs::write(record, document.context("the record has no place for the table")?)?;
    let mut text = read(runbook)?;
    for section in rows.iter().map(|row| row.section) {
        text = noted(&text, section, rows, date)
            .with_context(|| format!("section {section} has no line of its drill"))?;
    }
    std::fs::write(runbook, text).context("the runbook")
}

/// Whether a runbook has a section of this name.
pub(super) fn has_section(runbook: &str, section: &str) -> bool {
    let heading =
        |line: &str| line.starts_with('#') && line.trim_start_matches('#').trim() == section;
    runbook.lines().any(heading)
}

/// The runbook with the line of one section's drill renewed; of several incidents the slowest counts.
fn noted(runbook: &str, section: &str, rows: &[Row], date: &str) -> Option<String> {
    let of_section = || rows.iter().filter(|r| r.section == section);
    let slowest = |value: fn(&Row) -> Option<f32>| of_section().filter_map(value).reduce(f32::max);
    let (detected, recovered) = (slowest(|r| r.detected)?, slowest(|r| r.recovered)?);
    let line = format!(
        "Last drilled: {date}, detected in {detected:.0} s, recovered in {recovered:.0} s (make drill)"
    );
    let (before, rest) = runbook.split_once(&format!("\n### {section}\n"))?;
    let start = rest.find("\nLast drilled: ")? + 1;
    let end = start + rest[start..].find('\n')?;
    // The line must be this section's own.
    let own = !rest[..start].contains("\n### ");
    own.then(|| format!("{before}\n### {section}\n{}{line}{}", &rest[..start], &rest[end..]))
}

/// The document with the table between its two marks renewed.
fn renewed(document: &str, table: &str, date: &str) -> Option<String> {
    let (before, rest) = document.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\nLast drilled: {date}\n\n{table}{END}{after}"))
}

const BEGIN: &str = "<!-- drill: begin -->";
const END: &str = "<!-- drill: end -->";

#[cfg(test)]
mod tests {
    use super::{Row, has_section, noted, renewed};

    fn row(section: &'static str, detected: f32) -> Row {
        Row {
            name: "n",
            section,
            signal: None,
            alarm: "a",
            detected: Some(detected),
            recovered: Some(2.0),
            over: String::new(),
            failed: Some((0, 1)),
            good: true,
        }
    }

    #[test]
    fn the_line_of_the_section_alone_changes_and_the_slowest_counts() {
        let runbook =
            "\n### a\nText.\nLast drilled: never: no\n\n### b\nText.\nLast drilled: never: no\n";
        let new =
            noted(runbook, "b", &[row("b", 7.0), row("b", 61.0), row("a", 99.0)], "2026-01-02")
                .unwrap();
        assert_eq!(
            new,
            "\n### a\nText.\nLast drilled: never: no\n\n### b\nText.\nLast drilled: 2026-01-02, detected in 61 s, recovered in 2 s (make drill)\n"
        );
        assert_eq!(
            noted("\n### a\n\n### b\nText.\nLast drilled: never\n", "a", &[row("a", 1.0)], ""),
            None
        );
    }

    #[test]
    fn a_section_is_a_heading_of_that_name() {
        let runbook = "# Runbook\n\n## elb-5xx\n\nSee target-5xx.\n";
        assert!(has_section(runbook, "elb-5xx"));
        assert!(!has_section(runbook, "target-5xx"), "a mention is no section");
    }

    #[test]
    fn only_what_is_between_the_marks_changes() {
        let document = "a\n<!-- drill: begin -->\nold\n<!-- drill: end -->\nb\n";
        let new = renewed(document, "| t |\n", "2026-01-02").unwrap();
        assert_eq!(
            new,
            "a\n<!-- drill: begin -->\nLast drilled: 2026-01-02\n\n| t |\n<!-- drill: end -->\nb\n"
        );
        assert_eq!(renewed("no marks", "", ""), None);
    }
}
