//! The identity of a metric (namespace, name and dimensions), and its replayed data.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Context, bail};

use super::sample::{Sample, Statistic};

/// A metric's identity. Two metrics that differ in one dimension are two metrics.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MetricId {
    /// Such as `AWS/ApplicationELB`.
    pub namespace: String,
    /// Such as `RequestCount`.
    pub name: String,
    /// Dimension name to value. [`UNKNOWN`] stands for a value that AWS assigns, such as an ARN's suffix before the
    /// first apply.
    pub dimensions: BTreeMap<String, String>,
}

/// The value of a dimension that is only known after the apply.
pub const UNKNOWN: &str = "(known after apply)";

impl fmt::Display for MetricId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.namespace, self.name)?;
        for (name, value) in self.dimensions.iter().filter(|(_, value)| *value != UNKNOWN) {
            write!(f, " {name}={value}")?;
        }
        Ok(())
    }
}

impl MetricId {
    /// Reads `NAMESPACE NAME [DIMENSION=VALUE …]`, the form of a metric in a series file.
    ///
    /// # Errors
    /// A part is missing. The error names it.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let mut words = text.split_whitespace();
        let (Some(namespace), Some(name)) = (words.next(), words.next()) else {
            bail!("the metric is {text:?}, expected `NAMESPACE NAME [DIMENSION=VALUE …]`");
        };
        let dimensions = words
            .map(|word| {
                let (key, value) = word.split_once('=').with_context(|| {
                    format!("{word:?} in {text:?} is invalid, expected DIMENSION=VALUE")
                })?;
                Ok((key.to_owned(), value.to_owned()))
            })
            .collect::<anyhow::Result<_>>()?;
        Ok(Self { namespace: namespace.to_owned(), name: name.to_owned(), dimensions })
    }

    /// Whether data of `self` is data of `wanted`: namespace and name are equal, and every dimension of `self` has the
    /// same value in `wanted`. So a series file can leave out dimensions whose values are only in the plan.
    #[must_use]
    pub fn feeds(&self, wanted: &Self) -> bool {
        self.namespace == wanted.namespace
            && self.name == wanted.name
            && self.dimensions.iter().all(|(key, value)| wanted.dimensions.get(key) == Some(value))
    }
}

/// One metric's samples, by minute. Negative minutes are the history before a scenario.
#[derive(Debug, Clone, Default)]
pub struct Series(BTreeMap<i64, Vec<Sample>>);

impl Series {
    /// Adds samples to a minute.
    pub fn push(&mut self, minute: i64, samples: &[Sample]) {
        self.0.entry(minute).or_default().extend_from_slice(samples);
    }

    /// Removes a minute's samples.
    pub fn clear(&mut self, minute: i64) {
        self.0.remove(&minute);
    }

    /// The statistic of the minutes `from..to`; `None` without samples.
    #[must_use]
    pub fn statistic(&self, statistic: Statistic, from: i64, to: i64) -> Option<f64> {
        statistic.compute(self.0.range(from..to).flat_map(|(_, samples)| samples).copied())
    }
}

/// The replayed data of all metrics.
#[derive(Debug, Clone, Default)]
pub struct Store(BTreeMap<MetricId, Series>);

impl Store {
    /// The data of a metric, created when it is missing.
    pub fn series(&mut self, id: &MetricId) -> &mut Series {
        self.0.entry(id.clone()).or_default()
    }

    /// Adds samples to a minute of one metric.
    pub fn push(&mut self, id: &MetricId, minute: i64, samples: &[Sample]) {
        self.series(id).push(minute, samples);
    }

    /// The replayed data of a metric: data with its exact identity, else data that [feeds](MetricId::feeds) it.
    #[must_use]
    pub fn get(&self, wanted: &MetricId) -> Option<&Series> {
        let fed = || self.0.iter().find(|(id, _)| id.feeds(wanted)).map(|(_, series)| series);
        self.0.get(wanted).or_else(fed)
    }

    /// The metrics that have data.
    pub fn ids(&self) -> impl Iterator<Item = &MetricId> {
        self.0.keys()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_feeds_a_metric_with_matching_dimensions() {
        let wanted = MetricId {
            namespace: "Orders".into(),
            name: "Requests".into(),
            dimensions: [("Route".into(), "/orders".into()), ("Service".into(), UNKNOWN.into())]
                .into(),
        };
        for (text, feeds) in [
            ("Orders Requests", true),
            ("Orders Requests Route=/orders", true),
            ("Orders Requests Route=other", false),
            ("Orders Requests Zone=a", false),
            ("Orders Latency", false),
            ("Other Requests", false),
        ] {
            assert_eq!(MetricId::parse(text).unwrap().feeds(&wanted), feeds, "{text}");
        }
        assert_eq!(wanted.to_string(), "Orders Requests Route=/orders");
    }

    #[test]
    fn incomplete_metric_is_refused() {
        assert!(MetricId::parse("Orders").is_err());
        assert!(MetricId::parse("Orders Requests Route").is_err());
    }

    #[test]
    fn window_excludes_its_end_minute() {
        let mut series = Series::default();
        for minute in -1..3 {
            series.push(minute, &[Sample { value: 1.0, count: 2.0 }]);
        }
        assert_eq!(series.statistic(Statistic::Sum, 0, 2), Some(4.0));
        assert_eq!(series.statistic(Statistic::Sum, -1, 3), Some(8.0));
        series.clear(0);
        assert_eq!(series.statistic(Statistic::Sum, 0, 1), None);
    }
}
