//! The results of a drill: a table, and the documents that contain the last results.

use std::fmt::{self, Write as _};
use std::path::Path;
use std::time::SystemTime;

use anyhow::Context as _;

/// The notice above the table.
pub(super) const EMULATED: &str = "No figure comes from AWS: ECS, SSM, KMS, the load balancer and CloudWatch are emulated on one machine.";

/// Seconds, or the reason why there is no measurement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Figure {
    /// Measured with the clock.
    Measured(f32),
    /// Measured up to the first sign, plus a minute for each further period of the alarm.
    Computed(f32),
    /// Not measured, for this reason.
    NotMeasured(&'static str),
}

impl Figure {
    fn seconds(self) -> Option<f32> {
        match self {
            Self::Measured(seconds) | Self::Computed(seconds) => Some(seconds),
            Self::NotMeasured(_) => None,
        }
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
    /// Name of the incident.
    pub(super) name: &'static str,
    /// Anchor of the runbook section.
    pub(super) section: &'static str,
    /// From the injection to the first sign. `None`: the sign did not appear.
    pub(super) signal: Option<Figure>,
    /// The alarm that fires.
    pub(super) alarm: &'static str,
    /// From the injection until the alarm fires. `None`: it did not fire.
    pub(super) detected: Option<Figure>,
    /// From the mitigation to the first of three seconds without a failed request. `None`: no recovery.
    pub(super) recovered: Option<Figure>,
    /// Minutes of metrics from the recovery until the alarm returns to OK.
    pub(super) over: String,
    /// Failed requests with a valid key, and all of them. `None`: the incident is not on the path of the requests.
    pub(super) failed: Option<(usize, usize)>,
    /// Whether all checks of the row passed.
    pub(super) good: bool,
}

impl Row {
    /// The seconds of the detection and of the recovery. `None` is less than any number.
    fn seconds(&self) -> [Option<f32>; 2] {
        [self.detected, self.recovered].map(|figure| figure.and_then(Figure::seconds))
    }
}

/// The table, for the terminal and for the document.
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

/// Writes the table into the record, and a line into each section of the runbook.
pub(super) fn keep(record: &Path, runbook: &Path, rows: &[Row]) -> anyhow::Result<()> {
    let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let date = now.split('T').next().unwrap_or_default();
    let read =
        |file: &Path| std::fs::read_to_string(file).with_context(|| file.display().to_string());
    let document = renewed(&read(record)?, &table(rows), date);
    std::fs::write(record, document.context("the record has no marks for the table")?)?;
    let mut text = read(runbook)?;
    for section in rows.iter().map(|row| row.section) {
        text = noted(&text, section, rows, date)
            .with_context(|| format!("section {section} has no line `Last drilled: `"))?;
    }
    std::fs::write(runbook, text).context("cannot write the runbook")
}

/// The anchor that GitHub makes from a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// Whether a runbook has a section with this anchor.
pub(super) fn has_section(runbook: &str, section: &str) -> bool {
    runbook.lines().any(|line| line.starts_with('#') && anchor(line) == section)
}

/// Updates the line `Last drilled` of one section. The line names the incident with the slowest detection. If several
/// detections take the same time, the slowest recovery decides.
fn noted(runbook: &str, section: &str, rows: &[Row], date: &str) -> Option<String> {
    let of_section = rows.iter().filter(|row| row.section == section);
    let row = of_section.reduce(|a, b| if a.seconds() < b.seconds() { b } else { a })?;
    let phrase = |verb: &str, figure: Figure| match figure {
        Figure::NotMeasured(_) => format!("{verb}: {figure}"),
        _ => format!("{verb} in {figure}"),
    };
    let detected = phrase("detected", row.detected?);
    let recovered = phrase("recovered", row.recovered?);
    let name = row.name;
    let line = format!("Last drilled: {date} (emulated): {detected}; {recovered} (drill: {name})");
    let heading =
        runbook.lines().find(|line| line.starts_with("### ") && anchor(line) == section)?;
    let (before, rest) = runbook.split_once(&format!("\n{heading}\n"))?;
    let start = rest.find("\nLast drilled: ")? + 1;
    let end = start + rest[start..].find('\n')?;
    // The line must not be in a later section.
    let own = !rest[..start].contains("\n### ");
    own.then(|| format!("{before}\n{heading}\n{}{line}{}", &rest[..start], &rest[end..]))
}

/// Replaces the table between the two marks of the document.
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

    fn row(name: &'static str, section: &'static str, detected: Figure, recovered: Figure) -> Row {
        Row {
            name,
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
    fn noted_changes_one_section_and_takes_the_figures_of_one_incident() {
        let runbook =
            "\n### a\nText.\nLast drilled: never: no\n\n### B c\nText.\nLast drilled: never: no\n";
        let none = Figure::NotMeasured("no request failed");
        let rows = [
            row("one", "b-c", Figure::Computed(7.0), Figure::Measured(9.0)),
            row("two", "b-c", Figure::Computed(61.0), Figure::Measured(2.34)),
            row("three", "b-c", Figure::Computed(61.0), none),
            row("four", "a", Figure::Measured(99.0), none),
        ];
        let new = noted(runbook, "b-c", &rows, "2026-01-02").unwrap();
        assert_eq!(
            new,
            "\n### a\nText.\nLast drilled: never: no\n\n### B c\nText.\nLast drilled: 2026-01-02 (emulated): detected in 61 s (computed); recovered in 2.3 s (drill: two)\n"
        );
        let new = noted(runbook, "a", &rows, "2026-01-02").unwrap();
        assert!(new.contains("recovered: not measured: no request failed (drill: four)"), "{new}");
        let other = "\n### a\n\n### b\nText.\nLast drilled: never\n";
        assert_eq!(noted(other, "a", &rows, ""), None, "the line is of another section");
    }

    #[test]
    fn figure_shows_its_seconds_or_the_reason_for_none() {
        for (figure, text) in [
            (Figure::Measured(0.0), "under 0.1 s"),
            (Figure::Measured(0.25), "0.2 s"),
            (Figure::Measured(4.0), "4 s"),
            (Figure::Measured(16.4), "16 s"),
            (Figure::Computed(122.0), "122 s (computed)"),
            (Figure::NotMeasured("no wait"), "not measured: no wait"),
        ] {
            assert_eq!(figure.to_string(), text);
        }
    }

    #[test]
    fn table_starts_with_the_notice_of_emulation() {
        let text = table(&[row(
            "n",
            "a",
            Figure::Measured(1.0),
            Figure::NotMeasured("no request failed"),
        )]);
        assert!(text.starts_with("No figure comes from AWS"), "{text}");
        assert!(text.contains("| 1 s | not measured: no request failed |"), "{text}");
    }

    #[test]
    fn has_section_compares_the_anchors_of_headings() {
        let runbook = "# Runbook\n\n## elb-5xx\n\nSee target-5xx.\n\n### State is locked\n";
        assert!(has_section(runbook, "elb-5xx"));
        assert!(has_section(runbook, "state-is-locked"));
        assert!(!has_section(runbook, "target-5xx"), "a mention is no section");
    }

    #[test]
    fn renewed_changes_only_the_text_between_the_marks() {
        let document = "a\n<!-- drill: begin -->\nold\n<!-- drill: end -->\nb\n";
        let new = renewed(document, "| t |\n", "2026-01-02").unwrap();
        assert_eq!(
            new,
            "a\n<!-- drill: begin -->\nLast drilled: 2026-01-02\n\n| t |\n<!-- drill: end -->\nb\n"
        );
        assert_eq!(renewed("no marks", "", ""), None);
    }
}
