//! Replays alarms over time. Every minute it evaluates the metric alarms, then the composite alarms, and records each
//! change of state.
//!
//! Not simulated:
//!
//! - CloudWatch's metrics arrive one or two minutes late, and a composite alarm follows its children after a few seconds.
//!   So the detection times from this module are lower bounds.
//! - Action suppression, high-resolution periods and anomaly detection.
//! - The hourly evaluation of windows over one day. The plan reader accepts such windows, but no alarm has one.

use std::collections::BTreeMap;

use anyhow::Context;

use super::alarm::{Alarm, Kind};
use super::evaluate::State;
use super::metric::Store;

/// A change of an alarm's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The minute. The change happens at its end.
    pub minute: i64,
    /// The alarm's name.
    pub alarm: String,
    /// The new state.
    pub to: State,
}

/// Replays the minutes `from..to`. Every alarm starts in `INSUFFICIENT_DATA`, like a new alarm. Its first change is
/// also reported.
///
/// # Errors
/// A composite alarm names an alarm that does not exist.
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
                            format!("{}: there is no alarm {child}", alarm.name)
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
