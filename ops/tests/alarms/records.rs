//! Every line of the sidecar is a metric record, for every status that the sidecar can return.

use std::collections::BTreeSet;

use contract::list::at_least;

use crate::lines::{lines, record};
use crate::stack::stack;

#[test]
fn sidecar_lines_are_metric_records() {
    let Some(stack) = stack("sidecar_lines_are_metric_records") else { return };
    let lines = lines(stack);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let now = i64::try_from(now.as_millis()).unwrap();
    for line in at_least(40, &lines.sidecar) {
        let record = record(line);
        assert!((now - 120_000..=now).contains(&record.timestamp), "{line}");
        // Four metrics, each for the service and for the route.
        assert_eq!(record.data.len(), 8, "{line}");
        assert!(
            line.to_string().len() < 1200,
            "a line has {} bytes, expected less than 1200",
            line.to_string().len()
        );
    }
}

#[test]
fn status_determines_outcome_and_time_metric() {
    let Some(stack) = stack("status_determines_outcome_and_time_metric") else { return };
    let mut statuses = BTreeSet::new();
    for ((status, outcome, answered_by, route), line) in &lines(stack).expected {
        statuses.insert(*status);
        let record = record(line);
        let share = match (*answered_by, *route) {
            ("api", "/healthz" | "/readyz") => "UncountedTime",
            ("api", _) => "UpstreamTime",
            _ => "SidecarTime",
        };
        let counts = ["Requests", outcome];
        let named: Vec<(Vec<&str>, &str)> = record
            .data
            .iter()
            .map(|datum| {
                let dimensions = datum.id.dimensions.keys().map(String::as_str).collect();
                (dimensions, datum.id.name.as_str())
            })
            .collect();
        // A client's name is a field, not a dimension, because the number of clients has no limit.
        let expected = [vec!["service"], vec!["route", "service"]].into_iter().flat_map(|set| {
            ["Requests", outcome, "Latency", share].map(|name| (set.clone(), name))
        });
        assert_eq!(named, expected.collect::<Vec<_>>(), "{line}");
        let counted = record.data.iter().filter(|datum| counts.contains(&datum.id.name.as_str()));
        assert!(counted.clone().all(|datum| (datum.value - 1.0).abs() < 1e-9), "{line}");
        assert_eq!(counted.count(), 4, "{line}");
        assert_eq!(line["answered_by"], *answered_by, "{line}");
        assert_eq!(line["route"], *route, "{line}");
        assert_eq!(line["service"], "sum-api-production", "{line}");
    }
    let known = [
        0, 200, 400, 401, 404, 405, 408, 413, 414, 415, 422, 429, 431, 500, 501, 502, 503, 504, 505,
    ];
    assert_eq!(statuses, BTreeSet::from(known));
}

#[test]
fn health_checks_write_no_line() {
    let Some(stack) = stack("health_checks_write_no_line") else { return };
    // The harness requests /readyz until the stack is ready.
    for line in at_least(40, &lines(stack).sidecar) {
        let check = line["route"] == "/healthz" || line["route"] == "/readyz";
        assert!(
            !check
                || line["status"] != 200
                || line["request_id"] == "alive"
                || line["request_id"] == "ready",
            "{line}"
        );
    }
}
