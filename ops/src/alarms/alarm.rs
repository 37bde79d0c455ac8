//! Reads the alarms of a plan for the evaluator.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail, ensure};
use serde::Deserialize;

use super::composite::children;
use super::evaluate::{Comparison, Condition, MissingData, State};
use super::math::Expression;
use super::metric::{MetricId, Store, UNKNOWN};
use super::sample::Statistic;
use crate::plan::{Plan, Resource};

/// An alarm of either kind.
#[derive(Debug, Clone)]
pub struct Alarm {
    /// `alarm_name`.
    pub name: String,
    /// `alarm_description`.
    pub description: String,
    /// ARNs of the topics that receive the change to ALARM. Empty for a child of a composite alarm.
    pub alarm_actions: Vec<String>,
    /// ARNs of the topics that receive the change to OK.
    pub ok_actions: Vec<String>,
    /// The source that it evaluates.
    pub kind: Kind,
}

/// The source that an alarm evaluates.
#[derive(Debug, Clone)]
pub enum Kind {
    /// A metric, or an expression of several metrics.
    Metric(MetricAlarm),
    /// Other alarms, by name. The composite alarm is in ALARM while all of them are in ALARM.
    Composite(Vec<String>),
}

/// A metric alarm. For an alarm on a single metric, the expression is that metric.
#[derive(Debug, Clone)]
pub struct MetricAlarm {
    /// The metrics, by the ids that the expression uses.
    pub metrics: BTreeMap<String, Metric>,
    /// The expression that is compared with the threshold.
    pub expression: Expression,
    /// The expression's text or the metric's name, for a table.
    pub text: String,
    /// The period in minutes, the same for every metric of the alarm.
    pub period: i64,
    /// The condition for the change to ALARM.
    pub condition: Condition,
}

/// A metric in an alarm.
#[derive(Debug, Clone)]
pub struct Metric {
    /// The metric's identity.
    pub id: MetricId,
    /// The statistic of a period's samples.
    pub statistic: Statistic,
}

#[derive(Deserialize)]
struct Attributes {
    alarm_name: String,
    alarm_description: Option<String>,
    #[serde(default)]
    alarm_actions: Option<Vec<Option<String>>>,
    #[serde(default)]
    ok_actions: Option<Vec<Option<String>>>,
}

#[derive(Deserialize)]
struct CompositeAttributes {
    alarm_rule: String,
}

#[derive(Deserialize)]
struct MetricAlarmAttributes {
    comparison_operator: Comparison,
    threshold: f64,
    evaluation_periods: usize,
    datapoints_to_alarm: Option<usize>,
    #[serde(default)]
    treat_missing_data: MissingData,
    evaluate_low_sample_count_percentiles: Option<String>,
    #[serde(default)]
    metric_query: Vec<Query>,
}

/// A `metric_query`: an expression or a metric.
#[derive(Deserialize)]
struct Query {
    id: String,
    expression: Option<String>,
    return_data: Option<bool>,
    #[serde(default)]
    metric: Vec<MetricAttributes>,
}

/// A metric of a query, or the alarm's own metric when it has no queries.
#[derive(Deserialize)]
struct MetricAttributes {
    namespace: String,
    metric_name: String,
    dimensions: Option<BTreeMap<String, Option<String>>>,
    period: i64,
    stat: Option<Statistic>,
    statistic: Option<Statistic>,
    extended_statistic: Option<Statistic>,
}

/// The alarms of a plan, metric alarms before composite alarms.
///
/// # Errors
/// The evaluator does not support an alarm. The error names the alarm and the reason.
pub fn alarms(plan: &Plan) -> anyhow::Result<Vec<Alarm>> {
    let read = |kind, read: fn(&Resource) -> anyhow::Result<Kind>| {
        plan.planned(kind)
            .map(move |r| alarm(r, read).with_context(|| format!("alarm {}", r.address)))
    };
    read("aws_cloudwatch_metric_alarm", metric_alarm)
        .chain(read("aws_cloudwatch_composite_alarm", composite_alarm))
        .collect()
}

fn alarm(
    resource: &Resource,
    kind: fn(&Resource) -> anyhow::Result<Kind>,
) -> anyhow::Result<Alarm> {
    let attributes: Attributes = resource.attributes()?;
    let topics = |actions: Option<Vec<Option<String>>>| {
        let arns = actions.into_iter().flatten();
        arns.map(|arn| arn.unwrap_or_else(|| UNKNOWN.to_owned())).collect()
    };
    Ok(Alarm {
        name: attributes.alarm_name,
        description: attributes.alarm_description.unwrap_or_default(),
        alarm_actions: topics(attributes.alarm_actions),
        ok_actions: topics(attributes.ok_actions),
        kind: kind(resource)?,
    })
}

fn composite_alarm(resource: &Resource) -> anyhow::Result<Kind> {
    Ok(Kind::Composite(children(&resource.attributes::<CompositeAttributes>()?.alarm_rule)?))
}

fn metric_alarm(resource: &Resource) -> anyhow::Result<Kind> {
    let attributes: MetricAlarmAttributes = resource.attributes()?;
    let condition = condition(&attributes)?;
    let mut metrics = BTreeMap::new();
    let mut watched = Vec::new();
    let mut periods = Vec::new();
    let mut add = |id: &str, attributes| -> anyhow::Result<String> {
        let (metric, period) = metric(attributes)?;
        let name = metric.id.name.clone();
        metrics.insert(id.to_owned(), metric);
        periods.push(period);
        Ok(name)
    };
    ensure!(
        attributes.metric_query.len() <= 10,
        "CloudWatch allows at most ten queries in one alarm"
    );
    if attributes.metric_query.is_empty() {
        let name = add("metric", resource.attributes()?)?;
        watched.push((Expression::Metric("metric".to_owned()), name));
    }
    for mut query in attributes.metric_query {
        let (expression, text) = match (query.expression, query.metric.pop()) {
            (Some(text), None) => (Expression::parse(&text)?, text),
            (None, Some(metric)) => {
                let name = add(&query.id, metric)?;
                (Expression::Metric(query.id), name)
            }
            _ => bail!("query {} must have either an expression or a metric", query.id),
        };
        if query.return_data == Some(true) {
            watched.push((expression, text));
        }
    }
    let Ok([(expression, text)]) = <[_; 1]>::try_from(watched) else {
        bail!("exactly one query must have return_data = true")
    };
    for id in expression.metrics() {
        ensure!(metrics.contains_key(id), "no metric has the id {id}");
    }
    let period = periods[0];
    ensure!(periods.iter().all(|p| *p == period), "the metrics of an alarm must have one period");
    check_window(&condition, period)?;
    Ok(Kind::Metric(MetricAlarm { metrics, expression, text, period, condition }))
}

fn condition(attributes: &MetricAlarmAttributes) -> anyhow::Result<Condition> {
    let evaluation_periods = attributes.evaluation_periods;
    // The state has 0 for a number that is not configured.
    let datapoints_to_alarm =
        attributes.datapoints_to_alarm.filter(|n| *n > 0).unwrap_or(evaluation_periods);
    ensure!(
        (1..=evaluation_periods).contains(&datapoints_to_alarm),
        "{datapoints_to_alarm} of {evaluation_periods} points is impossible"
    );
    ensure!(
        attributes.evaluate_low_sample_count_percentiles.as_deref() != Some("ignore"),
        "evaluate_low_sample_count_percentiles = ignore is not implemented"
    );
    Ok(Condition {
        comparison: attributes.comparison_operator,
        threshold: attributes.threshold,
        evaluation_periods,
        datapoints_to_alarm,
        missing_data: attributes.treat_missing_data,
    })
}

/// The limits of `PutMetricAlarm`: a period of at most one day, and a window of at most seven days. With a period under
/// one hour, the window is at most one day.
fn check_window(condition: &Condition, period: i64) -> anyhow::Result<()> {
    let minutes = i64::try_from(condition.evaluation_periods)? * period;
    let most = if period < 60 { 24 * 60 } else { 7 * 24 * 60 };
    ensure!(period <= 24 * 60, "a period must be at most one day");
    ensure!(minutes <= most, "the window of {minutes} min exceeds CloudWatch's {most} min");
    Ok(())
}

/// A metric and its period in minutes.
fn metric(attributes: MetricAttributes) -> anyhow::Result<(Metric, i64)> {
    let seconds = attributes.period;
    ensure!(seconds > 0 && seconds % 60 == 0, "the period {seconds} s is not a multiple of 60 s");
    let statistic = attributes.stat.or(attributes.statistic).or(attributes.extended_statistic);
    let dimensions = attributes.dimensions.unwrap_or_default().into_iter();
    let id = MetricId {
        namespace: attributes.namespace,
        name: attributes.metric_name,
        dimensions: dimensions
            .map(|(name, value)| (name, value.unwrap_or_else(|| UNKNOWN.to_owned())))
            .collect(),
    };
    Ok((Metric { id, statistic: statistic.context("a statistic is missing")? }, seconds / 60))
}

impl MetricAlarm {
    /// The next state at the end of minute `now`. CloudWatch evaluates every minute. Its periods are windows that end at
    /// `now`: a period of five minutes covers minutes 1 to 5, then minutes 2 to 6.
    #[must_use]
    pub fn next(&self, store: &Store, now: i64, present: State) -> State {
        // The extra periods of the range are needed only when one of the last N points is missing.
        let mut points = self.points(store, now, self.condition.evaluation_periods);
        if points.contains(&None) {
            points = self.points(store, now, self.condition.range());
        }
        self.condition.next(&points, present)
    }

    /// The values of the last `length` periods, oldest first. The last period ends with minute `now`.
    fn points(&self, store: &Store, now: i64, length: usize) -> Vec<Option<f64>> {
        let ends = (0..).map(|back: i64| now + 1 - back * self.period).take(length);
        let mut points: Vec<_> = ends
            .map(|end| {
                self.expression.value(&|id| {
                    let metric = self.metrics.get(id)?;
                    store.get(&metric.id)?.statistic(metric.statistic, end - self.period, end)
                })
            })
            .collect();
        points.reverse();
        points
    }
}
