//! The table of alarms, with the condition and the topics of each.

use std::fmt::Write as _;

use super::alarm::{Alarm, Kind};
use super::evaluate::MissingData;

/// A Markdown table of the alarms, in the plan's order.
#[must_use]
pub fn table(alarms: &[Alarm]) -> String {
    let mut text = String::from(
        "| alarm | condition | datapoints | missing data | notifies |\n| --- | --- | --- | --- | --- |\n",
    );
    for alarm in alarms {
        let (condition, window, missing) = match &alarm.kind {
            Kind::Metric(metric) => {
                let c = metric.condition;
                (
                    format!("`{} {} {}`", metric.text, c.comparison.sign(), c.threshold),
                    format!(
                        "{} of {} × {}",
                        c.datapoints_to_alarm,
                        c.evaluation_periods,
                        duration(metric.period)
                    ),
                    match c.missing_data {
                        MissingData::Missing => "missing",
                        MissingData::Ignore => "ignore",
                        MissingData::Breaching => "breaching",
                        MissingData::NotBreaching => "notBreaching",
                    },
                )
            }
            Kind::Composite(children) => (children.join(" and "), String::new(), ""),
        };
        let topics: Vec<&str> = alarm
            .alarm_actions
            .iter()
            .map(|arn| arn.rsplit(['-', ':']).next().unwrap_or(arn))
            .collect();
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "| {} | {condition} | {window} | {missing} | {} |",
            alarm.name,
            topics.join(", ")
        );
    }
    text
}

fn duration(minutes: i64) -> String {
    if minutes % 60 == 0 { format!("{} h", minutes / 60) } else { format!("{minutes} min") }
}
