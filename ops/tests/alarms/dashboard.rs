//! Every widget shows existing data, and widgets do not overlap.

use std::collections::{BTreeMap, BTreeSet};

use contract::list::at_least;
use ops::alarms::math::Expression;
use ops::alarms::metric::MetricId;
use serde_json::Value;

use crate::stack::{Stack, stack};
use crate::{lines, queries, wiring};

fn widgets(stack: &Stack) -> Vec<Value> {
    let body = stack.attribute("aws_cloudwatch_dashboard", "dashboard_body");
    let body: Value = serde_json::from_str(body).expect("JSON");
    body["widgets"].as_array().expect("widgets").clone()
}

/// The widgets of one type, at least `minimum`.
fn widgets_of(stack: &Stack, kind: &str, minimum: usize) -> Vec<Value> {
    at_least(minimum, widgets(stack).into_iter().filter(|w| w["type"] == kind))
}

/// The metric of a widget's row: namespace, name, then pairs of dimension and value, then options.
fn metric(row: &[Value]) -> MetricId {
    let words: Vec<&str> = row.iter().filter_map(Value::as_str).collect();
    let (pairs, rest) = words[2..].as_chunks::<2>();
    assert!(rest.is_empty(), "a dimension without a value in {row:?}");
    MetricId {
        namespace: words[0].to_owned(),
        name: words[1].to_owned(),
        dimensions: pairs.iter().map(|[k, v]| ((*k).to_owned(), (*v).to_owned())).collect(),
    }
}

#[test]
fn metric_widgets_show_metrics_with_data() {
    let Some(stack) = stack("metric_widgets_show_metrics_with_data") else { return };
    let emitted = lines::emitted(stack);
    let mut checked = 0;
    for widget in widgets_of(stack, "metric", 10) {
        let properties = &widget["properties"];
        let title = properties["title"].as_str().expect("a title");
        let rows = properties["metrics"].as_array().expect("metrics");
        let mut ids = BTreeSet::new();
        let mut expressions = Vec::new();
        for row in rows {
            let row = row.as_array().unwrap();
            let options = row.last().filter(|o| o.is_object()).cloned().unwrap_or_default();
            if let Some(expression) = options["expression"].as_str() {
                expressions.push(Expression::parse(expression).unwrap());
            } else {
                wiring::check_metric(stack, &emitted, &metric(row));
                let has_stat = options["stat"].is_string() || properties["stat"].is_string();
                assert!(has_stat, "{title}: without a statistic, CloudWatch shows an average");
                checked += 1;
            }
            if let Some(id) = options["id"].as_str() {
                assert!(ids.insert(id.to_owned()), "{title}: two rows have the id {id}");
            }
        }
        for expression in &expressions {
            for id in expression.metrics() {
                assert!(ids.contains(id), "{title}: no row has the id {id}");
            }
        }
        assert_eq!(properties["region"], "us-east-1", "{title}");
    }
    assert!(checked >= 25, "{checked}");
}

#[test]
fn log_widgets_query_existing_members() {
    let Some(stack) = stack("log_widgets_query_existing_members") else { return };
    let group = stack.log_group();
    for widget in widgets_of(stack, "log", 2) {
        let title = widget["properties"]["title"].as_str().expect("a title");
        let query = widget["properties"]["query"].as_str().expect("a query");
        let start = format!("SOURCE '{group}' | ");
        assert!(query.starts_with(&start), "{title}: {query}");
        queries::check(stack, title, query);
    }
}

#[test]
fn alarm_widget_shows_every_alarm_with_actions() {
    let Some(stack) = stack("alarm_widget_shows_every_alarm_with_actions") else {
        return;
    };
    let shown: BTreeSet<String> = widgets_of(stack, "alarm", 1)
        .iter()
        .flat_map(|w| w["properties"]["alarms"].as_array().cloned().unwrap_or_default())
        .map(|arn| arn.as_str().unwrap().rsplit(':').next().unwrap().to_owned())
        .collect();
    let telling = stack.alarms.iter().filter(|a| !a.alarm_actions.is_empty());
    let telling = at_least(18, telling.map(|a| a.name.clone()));
    assert_eq!(shown, telling.into_iter().collect());
}

#[test]
fn widgets_fill_rows_of_24_without_overlap() {
    let Some(stack) = stack("widgets_fill_rows_of_24_without_overlap") else { return };
    let mut taken = BTreeSet::new();
    let mut rows: BTreeMap<u64, u64> = BTreeMap::new();
    for widget in at_least(14, widgets(stack)) {
        let number = |name: &str| widget[name].as_u64().unwrap_or_else(|| panic!("{widget}"));
        let (x, y, width, height) = (number("x"), number("y"), number("width"), number("height"));
        *rows.entry(y).or_default() += width;
        for cell in (y..y + height).flat_map(|y| (x..x + width).map(move |x| (x, y))) {
            assert!(taken.insert(cell), "two widgets at {cell:?}");
        }
    }
    assert!(rows.values().all(|width| *width == 24), "{rows:?}");
}
