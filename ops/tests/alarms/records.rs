//! Every line of the sidecar is a metric record, for every status that it can answer.

use std::collections::BTreeSet;

use contract::list::at_least;

use crate::lines::{lines, record};
use crate::stack::stack;

#[test]
fn every_line_of_the_sidecar_is_a_metric_record() {
    let Some(stack) = stack("every_line_of_the_sidecar_is_a_metric_record") else { return };
    let lines = lines(stack);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let now = i64::try_from(now.as_millis()).unwrap();
    for line in at_least(40, &lines.sidecar) {
        let record = record(line);
        assert!((now - 120_000..=now).contains(&record.timestamp), "{line}");
        assert_eq!(record.data.len(), 4, "{line}");
        assert!(line.to_string().len() < 1200, "a line grew to {} bytes", line.to_string().len());
    }
}

#[test]
fn each_status_has_its_outcome_and_whose_time_it_was() {
    let Some(stack) = stack("each_status_has_its_outcome_and_whose_time_it_was") else { return };
    let mut statuses = BTreeSet::new();
    for ((status, outcome, answered_by, route), line) in &lines(stack).expected {
        statuses.insert(*status);
        let record = record(line);
        let share = if *answered_by == "api" { "UpstreamTime" } else { "SidecarTime" };
        let names: Vec<&str> = record.data.iter().map(|datum| datum.id.name.as_str()).collect();
        assert_eq!(names, ["Requests", outcome, "Latency", share], "{line}");
        assert!(record.data[..2].iter().all(|datum| (datum.value - 1.0).abs() < 1e-9), "{line}");
        assert_eq!(line["answered_by"], *answered_by, "{line}");
        assert_eq!(line["route"], *route, "{line}");
        assert_eq!(line["service"], "sum-api-production", "{line}");
        // A client's name is a field, never a dimension: nobody bounds how many there are.
        assert!(record.data.iter().all(|datum| datum.id.dimensions.len() == 2), "{line}");
    }
    let known = [
        0, 200, 400, 401, 404, 405, 408, 413, 414, 415, 422, 429, 431, 500, 501, 502, 503, 504, 505,
    ];
    assert_eq!(statuses, BTreeSet::from(known));
}

#[test]
fn the_balancers_own_checks_leave_no_line() {
    let Some(stack) = stack("the_balancers_own_checks_leave_no_line") else { return };
    // The harness itself asks /readyz until the stack is ready.
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
