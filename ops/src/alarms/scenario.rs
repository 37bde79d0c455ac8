//! A scenario: metric series over some hours, and what the alarms must make of them.
//!
//! The file format is described in `ops/tests/data/README.md`.

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
    /// What happens, in one sentence.
    pub about: String,
    /// Minutes of history before minute 0; changes in it are not compared.
    #[serde(default)]
    pub history: i64,
    /// Minutes from 0 on.
    pub minutes: i64,
    /// Whether to begin with what `baseline.json` holds: the metrics of a healthy day.
    #[serde(default)]
    pub baseline: bool,
    /// Metric to its phases; a later phase replaces the minutes of an earlier one.
    #[serde(default)]
    pub series: BTreeMap<String, Vec<Phase>>,
    /// Alarm (name without the stack's prefix) to its changes of state after minute 0. An alarm that
    /// is not named must stay out of `ALARM` from beginning to end.
    #[serde(default)]
    pub changes: BTreeMap<String, Vec<(i64, State)>>,
}

/// The same value for some minutes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Phase {
    /// First minute; without it, the first of the history.
    from: Option<i64>,
    /// First minute after it; without it, the end.
    to: Option<i64>,
    /// Only every so many minutes.
    #[serde(default = "one")]
    every: i64,
    #[serde(flatten)]
    what: What,
}

fn one() -> i64 {
    1
}

/// What arrives in each of the minutes.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum What {
    /// A counter: so many samples of 1; at least one.
    Count(f64),
    /// A gauge: one sample.
    Value(f64),
    /// `[value, count]` pairs; none means that nothing is published.
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
    /// Reads a scenario, and the baseline beside it when it asks for that.
    ///
    /// # Errors
    /// When a file cannot be read, or says what makes no sense.
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

    /// The minutes in which the alarms are watched: from shortly before minute 0, for a fresh alarm
    /// needs some to find its state. The rest of the history is there to look back on.
    #[must_use]
    pub fn watched(&self) -> std::ops::Range<i64> {
        -self.history.min(30)..self.minutes
    }

    /// All of the data.
    ///
    /// # Errors
    /// When a metric's name cannot be read.
    pub fn store(&self) -> anyhow::Result<Store> {
        let mut store = Store::default();
        for (metric, phases) in &self.series {
            let series = store.series(&MetricId::parse(metric)?);
            for phase in phases {
                let (from, to) =
                    (phase.from.unwrap_or(-self.history), phase.to.unwrap_or(self.minutes));
                ensure!(from < to && phase.every > 0, "{metric}: a phase from {from} to {to}");
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
