//! Alarms over time: every minute every metric alarm is evaluated, then the composites, and each
//! change of state is written down.
//!
//! Left out: the minute or two by which CloudWatch's metrics arrive late, and the few seconds in which
//! a composite follows its children. Detection times from here are therefore lower bounds. Also left
//! out: action suppression, high-resolution periods, anomaly detection, and the hourly evaluation of
//! windows over one day, of which there is none (the plan reader accepts them all the same).

use std::collections::BTreeMap;

use anyhow::Context;

use super::alarm::{Alarm, Kind};
use super::evaluate::State;
use super::metric::Store;

/// A change of an alarm's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The minute at whose end it happened.
    pub minute: i64,
    /// The alarm's name.
    pub alarm: String,
    /// The new state.
    pub to: State,
}

/// Replays the minutes `from..to`. Every alarm begins in `INSUFFICIENT_DATA`, as a new one does; its
/// first change is reported like any other.
///
/// # Errors
/// When a composite names an alarm that does not exist.
pub fn replay(
    alarms: &[Alarm],
    store: &Store,
    minutes: std::ops::Range<i64>,
) -> anyhow::Result<Vec<Change>> {
    let mut states: BTreeMap<&str, State> =
        alarms.iter().map(|a| (a.name.as_str(), State::InsufficientData)).collect();
    let mut changes = Vec::new();
    for now in minutes {
        for alarm in alarms {
            let present = states.get(alarm.name.as_str()).copied().unwrap_or(State::Ok);
            let next = match &alarm.kind {
                Kind::Metric(metric) => metric.next(store, now, present),
                Kind::Composite(children) => {
                    let mut next = State::Alarm;
                    for child in children {
                        let state = states.get(child.as_str()).with_context(|| {
                            format!("{}: no alarm is called {child}", alarm.name)
                        })?;
                        if *state != State::Alarm {
                            next = State::Ok;
                        }
                    }
                    next
                }
            };
            if next != present {
                states.insert(&alarm.name, next);
                changes.push(Change { minute: now, alarm: alarm.name.clone(), to: next });
            }
        }
    }
    Ok(changes)
}
