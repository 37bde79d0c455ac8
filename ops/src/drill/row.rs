//! A drill's result: a line of the table.

use std::fmt::Write as _;

/// One incident.
#[derive(Debug, Clone)]
pub(super) struct Row {
    /// Incident.
    pub(super) name: &'static str,
    /// Runbook section.
    pub(super) section: &'static str,
    /// Seconds from the injection to the first sign.
    pub(super) signal: Option<f32>,
    /// Alarm, and after how many minutes of metrics it went off.
    pub(super) alarm: String,
    /// Seconds from the mitigation to the first of three seconds without a failed request.
    pub(super) recovered: Option<f32>,
    /// After how many more minutes of metrics the alarm was over.
    pub(super) over: String,
    /// Requests with a valid key that failed, of how many.
    pub(super) failed: (usize, usize),
    /// Whether everything was as it must be.
    pub(super) good: bool,
}

/// The table, for people and for the document alike.
pub(super) fn table(rows: &[Row]) -> String {
    let mut text = String::from(
        "| incident | runbook section | first sign | alarm | recovered | alarm over | failed requests | |\n|---|---|---|---|---|---|---|---|\n",
    );
    let seconds =
        |value: Option<f32>| value.map_or_else(|| "–".to_owned(), |v| format!("{v:.0} s"));
    for row in rows {
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "| {} | [{}](runbook.md#{}) | {} | {} | {} | {} | {} of {} | {} |",
            row.name,
            row.section,
            row.section,
            seconds(row.signal),
            row.alarm,
            seconds(row.recovered),
            row.over,
            row.failed.0,
            row.failed.1,
            if row.good { "as expected" } else { "NOT as expected" }
        );
    }
    text
}

/// The document with the table between its two marks renewed.
pub(super) fn renewed(document: &str, table: &str, date: &str) -> Option<String> {
    let (before, rest) = document.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\nLast drilled: {date}\n\n{table}{END}{after}"))
}

const BEGIN: &str = "<!-- drill: begin -->";
const END: &str = "<!-- drill: end -->";

#[cfg(test)]
mod tests {
    use super::renewed;

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
