//! A scenario: metric series over some hours, and the changes of state that the alarms must show.
//!
//! `ops/tests/data/README.md` describes the file format.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, ensure};
use serde::Deserialize;

use super::evaluate::State;
use super::metric::{MetricId, Store};
use super::sample::Sample;

/// A scenario file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// The scenario in one sentence.
    pub about: String,
    /// Minutes of history before minute 0. Changes of state in the history are not compared.
    #[serde(default)]
    pub history: i64,
    /// Number of minutes from minute 0.
    pub minutes: i64,
    /// Whether to start from `baseline.json`: the metrics of a healthy day.
    #[serde(default)]
    pub baseline: bool,
    /// Metric to its phases. A later phase replaces the minutes of an earlier one.
    #[serde(default)]
    pub series: BTreeMap<String, Vec<Phase>>,
    /// Alarm (name without the stack's prefix) to its changes of state after minute 0. An alarm that is not listed must
    /// never be in `ALARM`.
    #[serde(default)]
    pub changes: BTreeMap<String, Vec<(i64, State)>>,
}

/// The same value for some minutes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Phase {
    /// First minute; by default the first minute of the history.
    from: Option<i64>,
    /// First minute after the phase; by default the end of the scenario.
    to: Option<i64>,
    /// Interval of the samples in minutes.
    #[serde(default = "one")]
    every: i64,
    #[serde(flatten)]
    what: What,
}

fn one() -> i64 {
    1
}

/// The samples of one minute.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum What {
    /// A counter: the number of samples of 1; at least one.
    Count(f64),
    /// A gauge: one sample.
    Value(f64),
    /// `[value, count]` pairs; an empty list publishes nothing.
    Samples(Vec<(f64, f64)>),
}

impl What {
    fn samples(&self) -> Vec<Sample> {
        match self {
            Self::Count(count) => vec![Sample { value: 1.0, count: *count }],
            Self::Value(value) => vec![Sample { value: *value, count: 1.0 }],
            Self::Samples(pairs) => {
                pairs.iter().map(|&(value, count)| Sample { value, count }).collect()
            }
        }
    }
}

impl Scenario {
    /// Reads a scenario, and `baseline.json` in the same folder when the scenario uses it.
    ///
    /// # Errors
    /// A file cannot be read or is invalid.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let mut scenario = Self::read_one(path)?;
        if scenario.baseline {
            let baseline = Self::read_one(&path.with_file_name("baseline.json"))?;
            for (metric, mut phases) in baseline.series {
                phases.extend(scenario.series.remove(&metric).unwrap_or_default());
                scenario.series.insert(metric, phases);
            }
        }
        Ok(scenario)
    }

    fn read_one(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("{}", path.display()))?;
        let scenario: Self =
            serde_json::from_str(&text).with_context(|| format!("{}", path.display()))?;
        ensure!(scenario.minutes > 0, "{}: minutes must be positive", path.display());
        Ok(scenario)
    }

    /// The minutes in which the alarms are evaluated. They start at most 30 minutes before minute 0, because a new
    /// alarm needs time to find its state. The earlier history only fills the alarms' windows.
    #[must_use]
    pub fn watched(&self) -> std::ops::Range<i64> {
        -self.history.min(30)..self.minutes
    }

    /// All of the data.
    ///
    /// # Errors
    /// A metric's name or a phase is invalid.
    pub fn store(&self) -> anyhow::Result<Store> {
        let mut store = Store::default();
        for (metric, phases) in &self.series {
            let series = store.series(&MetricId::parse(metric)?);
            for phase in phases {
                let (from, to) =
                    (phase.from.unwrap_or(-self.history), phase.to.unwrap_or(self.minutes));
                ensure!(
                    from < to && phase.every > 0,
                    "{metric}: the phase from {from} to {to} is invalid: expected from < to and every > 0"
                );
                let samples = phase.what.samples();
                for minute in from..to {
                    series.clear(minute);
                    if (minute - from) % phase.every == 0 {
                        series.push(minute, &samples);
                    }
                }
            }
        }
        Ok(store)
    }
}
