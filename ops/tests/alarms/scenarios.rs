//! Replays hours of metrics, and checks every change of state. Each scenario file has a test.

use std::collections::BTreeMap;

use contract::list::at_least;
use ops::alarms::alarm::Kind;
use ops::alarms::evaluate::State;
use ops::alarms::replay::replay;
use ops::alarms::scenario::Scenario;

use crate::stack::{data, stack};

/// Replays a scenario and compares the changes of every alarm that notifies a topic.
fn hold(name: &str) {
    let Some(stack) = stack(name) else { return };
    let scenario = Scenario::read(&data("scenarios").join(format!("{name}.json"))).unwrap();
    let store = scenario.store().unwrap();
    let told = stack.alarms.iter().filter(|a| !a.alarm_actions.is_empty());
    let told: Vec<&str> = at_least(18, told.map(|a| stack.short(&a.name)));
    for alarm in scenario.changes.keys() {
        assert!(told.contains(&alarm.as_str()), "there is no alarm {alarm}");
    }
    // A series that no alarm uses tests nothing, and its name is probably misspelt.
    for id in at_least(1, store.ids()) {
        let fed = stack.alarms.iter().any(|a| match &a.kind {
            Kind::Metric(m) => m.metrics.values().any(|m| id.feeds(&m.id)),
            Kind::Composite(_) => false,
        });
        assert!(fed, "no alarm uses {id}");
    }
    let mut found: BTreeMap<String, Vec<(i64, State)>> = BTreeMap::new();
    for change in replay(&stack.alarms, &store, scenario.watched()).unwrap() {
        let alarm = stack.short(&change.alarm);
        if !told.contains(&alarm) {
            continue;
        }
        if change.minute >= 0 {
            found.entry(alarm.to_owned()).or_default().push((change.minute, change.to));
        } else {
            assert_ne!(change.to, State::Alarm, "{alarm} in the history, {}", change.minute);
        }
    }
    assert_eq!(found, scenario.changes, "{name}");
}

macro_rules! scenarios {
    ($($test:ident $file:literal)*) => {
        $(#[test]
        fn $test() {
            hold($file);
        })*

        #[test]
        fn every_scenario_has_a_test() {
            let mut files: Vec<String> = std::fs::read_dir(data("scenarios"))
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .filter_map(|name| name.strip_suffix(".json").map(str::to_owned))
                .filter(|name| name != "baseline")
                .collect();
            files.sort();
            assert_eq!(files, [$($file),*]);
        }
    };
}

scenarios! {
    a_monitor_polls_through_the_balancer "a-monitor-polls-through-the-balancer"
    api_gone "api-gone"
    certificate_not_renewed "certificate-not-renewed"
    client_over_its_limit "client-over-its-limit"
    client_over_its_limit_for_a_moment "client-over-its-limit-for-a-moment"
    deployment "deployment"
    deployment_that_cannot_start "deployment-that-cannot-start"
    deployment_that_fails_requests "deployment-that-fails-requests"
    deployment_that_is_slow "deployment-that-is-slow"
    deployment_with_a_bad_image "deployment-with-a-bad-image"
    event_undelivered "event-undelivered"
    guessing_keys "guessing-keys"
    healthy_day "healthy-day"
    logs_stopped "logs-stopped"
    memory_filling "memory-filling"
    missing_data "missing-data"
    name_gone "name-gone"
    no_traffic "no-traffic"
    one_error_at_night "one-error-at-night"
    outage_and_recovery "outage-and-recovery"
    outage_behind_a_storm "outage-behind-a-storm"
    outage_of_everything_registered "outage-of-everything-registered"
    outage_with_few_callers "outage-with-few-callers"
    sidecar_gone "sidecar-gone"
    slow_all_afternoon "slow-all-afternoon"
    slow_behind_a_storm "slow-behind-a-storm"
    slow_burn "slow-burn"
    slower_burn "slower-burn"
    waf_blocks_real_callers "waf-blocks-real-callers"
    waf_blocks_the_listed_address "waf-blocks-the-listed-address"
}
