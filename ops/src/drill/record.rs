//! The result of a drill: rows of a table, and the documents that keep the last one.

use std::fmt::{self, Write as _};
use std::path::Path;
use std::time::SystemTime;

use anyhow::Context as _;

/// What every figure of a drill rests on.
pub(super) const EMULATED: &str = "No figure comes from AWS: ECS, SSM, KMS, the load balancer and CloudWatch are emulated on one machine.";

/// Seconds, or why there are none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Figure {
    /// By the clock.
    Measured(f32),
    /// By the clock up to the first sign, and then a minute for each further period that the alarm waits.
    Computed(f32),
    /// The reason.
    NotMeasured(&'static str),
}

impl Figure {
    fn seconds(self) -> Option<f32> {
        match self {
            Self::Measured(seconds) | Self::Computed(seconds) => Some(seconds),
            Self::NotMeasured(_) => None,
        }
    }

    /// The larger one; a figure is more than none.
    fn max(self, other: Self) -> Self {
        if self.seconds() < other.seconds() { other } else { self }
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |seconds: f32| match seconds {
            ..0.1 => "under 0.1 s".to_owned(),
            ..10.0 if seconds.fract() > 0.0 => format!("{seconds:.1} s"),
            _ => format!("{seconds:.0} s"),
        };
        match *self {
            Self::Measured(value) => f.write_str(&seconds(value)),
            Self::Computed(value) => write!(f, "{} (computed)", seconds(value)),
            Self::NotMeasured(reason) => write!(f, "not measured: {reason}"),
        }
    }
}

/// One incident and one of its alarms.
#[derive(Debug, Clone)]
pub(super) struct Row {
    /// Incident.
    pub(super) name: &'static str,
    /// Runbook section.
    pub(super) section: &'static str,
    /// From the injection to the first sign; `None`: it did not come.
    pub(super) signal: Option<Figure>,
    /// What goes off.
    pub(super) alarm: &'static str,
    /// From the injection until it goes off; `None`: it did not.
    pub(super) detected: Option<Figure>,
    /// From the mitigation to the first of three seconds without a failed request; `None`: they did not come.
    pub(super) recovered: Option<Figure>,
    /// After how many more minutes of metrics the alarm was over.
    pub(super) over: String,
    /// Requests with a valid key that failed, of how many; `None` where the callers do not take that way.
    pub(super) failed: Option<(usize, usize)>,
    /// Whether everything was as it must be.
    pub(super) good: bool,
}

/// The table, for people and for the document alike.
pub(super) fn table(rows: &[Row]) -> String {
    let mut text = format!(
        "{EMULATED}\n\n| incident | runbook section | first sign | alarm | detected in | recovered in | alarm over | failed requests | |\n|---|---|---|---|---|---|---|---|---|\n",
    );
    let seconds = |figure: Option<Figure>| figure.map_or_else(|| "–".to_owned(), |f| f.to_string());
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

/// The last part of a link to a heading, as GitHub makes it.
fn anchor(heading: &str) -> String {
    let kept = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// Whether a runbook has a section with this anchor.
pub(super) fn has_section(runbook: &str, section: &str) -> bool {
    runbook.lines().any(|line| line.starts_with('#') && anchor(line) == section)
}

/// The runbook with the line of one section's drill renewed; of several incidents the slowest counts.
fn noted(runbook: &str, section: &str, rows: &[Row], date: &str) -> Option<String> {
    let of_section = || rows.iter().filter(|row| row.section == section);
    let slowest =
        |figure: fn(&Row) -> Option<Figure>| of_section().filter_map(figure).reduce(Figure::max);
    let phrase = |verb: &str, figure: Figure| match figure {
        Figure::NotMeasured(_) => format!("{verb}: {figure}"),
        _ => format!("{verb} in {figure}"),
    };
    let detected = phrase("detected", slowest(|row| row.detected)?);
    let recovered = phrase("recovered", slowest(|row| row.recovered)?);
    let line = format!("Last drilled: {date} (emulated): {detected}; {recovered} (make drill)");
    let heading =
        runbook.lines().find(|line| line.starts_with("### ") && anchor(line) == section)?;
    let (before, rest) = runbook.split_once(&format!("\n{heading}\n"))?;
    let start = rest.find("\nLast drilled: ")? + 1;
    let end = start + rest[start..].find('\n')?;
    // The line must be this section's own.
    let own = !rest[..start].contains("\n### ");
    own.then(|| format!("{before}\n{heading}\n{}{line}{}", &rest[..start], &rest[end..]))
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
    use super::{Figure, Row, has_section, noted, renewed, table};

    fn row(section: &'static str, detected: Figure, recovered: Figure) -> Row {
        Row {
            name: "n",
            section,
            signal: None,
            alarm: "a",
            detected: Some(detected),
            recovered: Some(recovered),
            over: String::new(),
            failed: Some((0, 1)),
            good: true,
        }
    }

    #[test]
    fn the_line_of_the_section_alone_changes_and_the_slowest_counts() {
        let runbook =
            "\n### a\nText.\nLast drilled: never: no\n\n### B c\nText.\nLast drilled: never: no\n";
        let none = Figure::NotMeasured("no request failed");
        let rows = [
            row("b-c", Figure::Computed(7.0), none),
            row("b-c", Figure::Computed(61.0), Figure::Measured(2.34)),
            row("a", Figure::Measured(99.0), none),
        ];
        let new = noted(runbook, "b-c", &rows, "2026-01-02").unwrap();
        assert_eq!(
            new,
            "\n### a\nText.\nLast drilled: never: no\n\n### B c\nText.\nLast drilled: 2026-01-02 (emulated): detected in 61 s (computed); recovered in 2.3 s (make drill)\n"
        );
        let new = noted(runbook, "a", &rows, "2026-01-02").unwrap();
        assert!(new.contains("recovered: not measured: no request failed (make drill)"), "{new}");
        let other = "\n### a\n\n### b\nText.\nLast drilled: never\n";
        assert_eq!(noted(other, "a", &rows, ""), None, "the line is of another section");
    }

    #[test]
    fn a_figure_is_measured_or_computed_or_says_why_not() {
        for (figure, text) in [
            (Figure::Measured(0.0), "under 0.1 s"),
            (Figure::Measured(0.25), "0.2 s"),
            (Figure::Measured(4.0), "4 s"),
            (Figure::Measured(16.4), "16 s"),
            (Figure::Computed(122.0), "122 s (computed)"),
            (Figure::NotMeasured("nobody waits"), "not measured: nobody waits"),
        ] {
            assert_eq!(figure.to_string(), text);
        }
    }

    #[test]
    fn the_table_says_that_its_figures_are_emulated() {
        let text =
            table(&[row("a", Figure::Measured(1.0), Figure::NotMeasured("no request failed"))]);
        assert!(text.starts_with("No figure comes from AWS"), "{text}");
        assert!(text.contains("| 1 s | not measured: no request failed |"), "{text}");
    }

    #[test]
    fn a_section_is_found_by_the_anchor_of_its_heading() {
        let runbook = "# Runbook\n\n## elb-5xx\n\nSee target-5xx.\n\n### State is locked\n";
        assert!(has_section(runbook, "elb-5xx"));
        assert!(has_section(runbook, "state-is-locked"));
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
