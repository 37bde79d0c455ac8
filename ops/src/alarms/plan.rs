//! The alarms of a plan.

use std::collections::BTreeMap;

use anyhow::{Context, bail, ensure};
use serde_json::Value;

use super::evaluate::{Comparison, Condition, MissingData};
use super::math::Expression;
use super::metric::{MetricId, UNKNOWN};
use super::model::{Alarm, Kind, Metric, MetricAlarm};
use super::rule::Rule;
use super::sample::Statistic;
use crate::plan::{Plan, Resource};

/// The alarms of a plan, metric alarms before composites.
///
/// # Errors
/// Names the alarm that the evaluator does not understand, and why.
pub fn alarms(plan: &Plan) -> anyhow::Result<Vec<Alarm>> {
    let read = |kind, read: fn(&Value) -> anyhow::Result<Kind>| {
        plan.planned(kind)
            .map(move |r| alarm(r, read).with_context(|| format!("alarm {}", r.address)))
    };
    read("aws_cloudwatch_metric_alarm", metric_alarm)
        .chain(read("aws_cloudwatch_composite_alarm", composite_alarm))
        .collect()
}

fn text<'a>(values: &'a Value, name: &str) -> Option<&'a str> {
    values[name].as_str().filter(|text| !text.is_empty())
}

fn need<'a>(values: &'a Value, name: &str) -> anyhow::Result<&'a str> {
    text(values, name).with_context(|| format!("{name} is missing"))
}

fn alarm(resource: &Resource, read: fn(&Value) -> anyhow::Result<Kind>) -> anyhow::Result<Alarm> {
    let values = &resource.change.after;
    // A list that is not known at all is null; it is there, so it stands for one unknown topic.
    let actions = |name: &str| match &values[name] {
        Value::Array(items) => {
            items.iter().map(|item| item.as_str().unwrap_or(UNKNOWN).to_owned()).collect()
        }
        _ => vec![],
    };
    Ok(Alarm {
        address: resource.address.clone(),
        name: need(values, "alarm_name")?.to_owned(),
        description: text(values, "alarm_description").unwrap_or_default().to_owned(),
        alarm_actions: actions("alarm_actions"),
        ok_actions: actions("ok_actions"),
        kind: read(values)?,
    })
}

fn composite_alarm(values: &Value) -> anyhow::Result<Kind> {
    Ok(Kind::Composite(Rule::parse(need(values, "alarm_rule")?)?))
}

fn metric_alarm(values: &Value) -> anyhow::Result<Kind> {
    let queries = values["metric_query"].as_array().map_or(&[][..], Vec::as_slice);
    let mut alarm = MetricAlarm {
        metrics: BTreeMap::new(),
        expressions: BTreeMap::new(),
        watched: "m".to_owned(),
        text: String::new(),
        period: 0,
        condition: condition(values)?,
    };
    if queries.is_empty() {
        let statistic = text(values, "statistic").or_else(|| text(values, "extended_statistic"));
        let (id, period) = metric(values)?;
        alarm.text.clone_from(&id.name);
        alarm.period = period;
        let statistic = Statistic::parse(statistic.context("statistic is missing")?)?;
        alarm.metrics.insert("m".to_owned(), Metric { id, statistic });
        return Ok(Kind::Metric(alarm));
    }
    ensure!(queries.len() <= 10, "CloudWatch takes at most ten queries for one alarm");
    let mut watched = Vec::new();
    for query in queries {
        let id = need(query, "id")?;
        if query["return_data"].as_bool() == Some(true) {
            watched.push(id);
        }
        if let Some(expression) = text(query, "expression") {
            if watched.last() == Some(&id) {
                expression.clone_into(&mut alarm.text);
            }
            alarm.expressions.insert(id.to_owned(), Expression::parse(expression)?);
            continue;
        }
        let values = &query["metric"][0];
        let (metric_id, period) = metric(values)?;
        ensure!(
            alarm.period == 0 || alarm.period == period,
            "every metric of an alarm must have the same period"
        );
        alarm.period = period;
        let statistic = Statistic::parse(need(values, "stat")?)?;
        alarm.metrics.insert(id.to_owned(), Metric { id: metric_id, statistic });
    }
    let [watched] = watched[..] else { bail!("exactly one query must have return_data = true") };
    watched.clone_into(&mut alarm.watched);
    check_window(&alarm)?;
    Ok(Kind::Metric(alarm))
}

/// The limits of `PutMetricAlarm`: no period over a day; the whole window within seven days, or
/// within one when the period is shorter than an hour.
fn check_window(alarm: &MetricAlarm) -> anyhow::Result<()> {
    let minutes = i64::try_from(alarm.condition.evaluation_periods)? * alarm.period;
    let most = if alarm.period < 60 { 24 * 60 } else { 7 * 24 * 60 };
    ensure!(alarm.period <= 24 * 60, "a period is a day at most");
    ensure!(minutes <= most, "the window of {minutes} min is over CloudWatch's {most} min");
    Ok(())
}

fn metric(values: &Value) -> anyhow::Result<(MetricId, i64)> {
    let dimensions = match &values["dimensions"] {
        Value::Object(map) => {
            let value = |v: &Value| v.as_str().unwrap_or(UNKNOWN).to_owned();
            map.iter().map(|(key, v)| (key.clone(), value(v))).collect()
        }
        _ => BTreeMap::new(),
    };
    let seconds = values["period"].as_i64().context("period is missing")?;
    ensure!(seconds > 0 && seconds % 60 == 0, "a period of {seconds} s is no multiple of a minute");
    let id = MetricId {
        namespace: need(values, "namespace")?.to_owned(),
        name: need(values, "metric_name")?.to_owned(),
        dimensions,
    };
    Ok((id, seconds / 60))
}

fn condition(values: &Value) -> anyhow::Result<Condition> {
    let count = |name: &str| values[name].as_u64().and_then(|n| usize::try_from(n).ok());
    let evaluation_periods =
        count("evaluation_periods").context("evaluation_periods is missing")?;
    // The state has no absent number: 0 means that nobody has set it.
    let datapoints_to_alarm =
        count("datapoints_to_alarm").filter(|n| *n > 0).unwrap_or(evaluation_periods);
    ensure!(
        (1..=evaluation_periods).contains(&datapoints_to_alarm),
        "{datapoints_to_alarm} of {evaluation_periods} points cannot be"
    );
    ensure!(
        text(values, "evaluate_low_sample_count_percentiles") != Some("ignore"),
        "evaluate_low_sample_count_percentiles = ignore is not implemented"
    );
    Ok(Condition {
        comparison: Comparison::parse(need(values, "comparison_operator")?)?,
        threshold: values["threshold"].as_f64().context("threshold is missing")?,
        evaluation_periods,
        datapoints_to_alarm,
        missing_data: MissingData::parse(text(values, "treat_missing_data"))?,
    })
}
