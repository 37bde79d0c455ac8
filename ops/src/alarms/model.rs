//! The alarms of a stack, as the evaluator sees them.

use std::collections::BTreeMap;

use super::compute::{Computer, Points, Reading};
use super::evaluate::{Condition, State};
use super::math::Expression;
use super::metric::{MetricId, Store};
use super::rule::Rule;
use super::sample::Statistic;

/// An alarm of either kind.
#[derive(Debug, Clone)]
pub struct Alarm {
    /// Its resource's address in Terraform.
    pub address: String,
    /// `alarm_name`.
    pub name: String,
    /// `alarm_description`.
    pub description: String,
    /// Where it sends the change to ALARM: topic ARNs. Empty for a child of a composite.
    pub alarm_actions: Vec<String>,
    /// Where it sends the change to OK.
    pub ok_actions: Vec<String>,
    /// What it watches.
    pub kind: Kind,
}

/// What an alarm watches.
#[derive(Debug, Clone)]
pub enum Kind {
    /// A metric, or an expression of several.
    Metric(MetricAlarm),
    /// Other alarms.
    Composite(Rule),
}

/// A metric alarm. One on a single metric is an expression that is that metric.
#[derive(Debug, Clone)]
pub struct MetricAlarm {
    /// The metrics, by the id that the expressions know them under.
    pub metrics: BTreeMap<String, Metric>,
    /// The other expressions, by id.
    pub expressions: BTreeMap<String, Expression>,
    /// The id whose series is watched.
    pub watched: String,
    /// The watched expression's text or the metric's name, for a table.
    pub text: String,
    /// Minutes of one period, the same for every metric of the alarm.
    pub period: i64,
    /// When it goes off.
    pub condition: Condition,
}

/// A metric in an alarm.
#[derive(Debug, Clone)]
pub struct Metric {
    /// Which metric.
    pub id: MetricId,
    /// How a period becomes one number.
    pub statistic: Statistic,
}

impl MetricAlarm {
    /// The next state at the end of minute `now`. CloudWatch evaluates every minute, and its periods
    /// are windows that end now: with a period of five minutes, minutes 1 to 5, then 2 to 6.
    ///
    /// # Errors
    /// When an expression cannot be computed.
    pub fn next(
        &self,
        store: &Store,
        now: i64,
        present: State,
        reading: Reading,
    ) -> anyhow::Result<State> {
        // The extra periods of the range matter only when one of the last N is missing.
        let mut points = self.points(store, now, self.condition.evaluation_periods, reading)?;
        if points.contains(&None) {
            points = self.points(store, now, self.condition.range(), reading)?;
        }
        Ok(self.condition.next(&points, present))
    }

    /// The watched series over the last `length` periods, the last of which ends with minute `now`;
    /// oldest first.
    ///
    /// # Errors
    /// When an expression cannot be computed.
    pub fn points(
        &self,
        store: &Store,
        now: i64,
        length: usize,
        reading: Reading,
    ) -> anyhow::Result<Points> {
        let mut ends: Vec<i64> =
            (0..).map(|back: i64| now + 1 - back * self.period).take(length).collect();
        ends.reverse();
        let mut values: BTreeMap<&str, Points> = BTreeMap::new();
        for (id, metric) in &self.metrics {
            let series = store.get(&metric.id);
            let at = |end: &i64| series?.statistic(metric.statistic, end - self.period, *end);
            values.insert(id, ends.iter().map(at).collect());
        }
        // Expressions may use one another; each round computes those whose operands are known.
        let mut waiting: Vec<_> = self.expressions.iter().collect();
        while !values.contains_key(self.watched.as_str()) {
            let before = waiting.len();
            let mut later = Vec::new();
            for (id, expression) in waiting {
                if expression.references().iter().all(|needed| values.contains_key(needed)) {
                    let points =
                        Computer { values: &values, length, reading }.series(expression)?;
                    values.insert(id, points);
                } else {
                    later.push((id, expression));
                }
            }
            anyhow::ensure!(later.len() < before, "expressions refer to nothing, or in a circle");
            waiting = later;
        }
        values.remove(self.watched.as_str()).ok_or_else(|| anyhow::anyhow!("nothing is watched"))
    }
}
