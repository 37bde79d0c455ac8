//! Which metric: its namespace, its name and its dimensions, and the data that was replayed for it.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Context, bail};

use super::sample::{Sample, Statistic};

/// A metric's identity. Two metrics that differ in one dimension are two metrics.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MetricId {
    /// `AWS/ApplicationELB`, say.
    pub namespace: String,
    /// `RequestCount`, say.
    pub name: String,
    /// Dimension name to value. A value that only AWS knows (an ARN's suffix before the first apply)
    /// is [`UNKNOWN`].
    pub dimensions: BTreeMap<String, String>,
}

/// Stands for a dimension's value that the plan cannot know yet.
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
    /// Reads `NAMESPACE NAME [DIMENSION=VALUE …]`, as a series file spells a metric.
    ///
    /// # Errors
    /// Says which part is missing.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let mut words = text.split_whitespace();
        let (Some(namespace), Some(name)) = (words.next(), words.next()) else {
            bail!("a metric is `NAMESPACE NAME [DIMENSION=VALUE …]`, got {text:?}");
        };
        let dimensions = words
            .map(|word| {
                let (key, value) = word
                    .split_once('=')
                    .with_context(|| format!("{word:?} in {text:?} is not DIMENSION=VALUE"))?;
                Ok((key.to_owned(), value.to_owned()))
            })
            .collect::<anyhow::Result<_>>()?;
        Ok(Self { namespace: namespace.to_owned(), name: name.to_owned(), dimensions })
    }

    /// Whether data written for `self` is data of `wanted`: namespace and name are equal, and every
    /// dimension that `self` names has the same value there. A series file therefore need not name
    /// what only the plan knows, and cannot name it wrongly.
    #[must_use]
    pub fn feeds(&self, wanted: &Self) -> bool {
        self.namespace == wanted.namespace
            && self.name == wanted.name
            && self.dimensions.iter().all(|(key, value)| wanted.dimensions.get(key) == Some(value))
    }
}

/// One metric's samples, by minute. Minutes may be negative: history before a scenario begins.
#[derive(Debug, Clone, Default)]
pub struct Series(BTreeMap<i64, Vec<Sample>>);

impl Series {
    /// Adds samples to a minute.
    pub fn push(&mut self, minute: i64, samples: &[Sample]) {
        self.0.entry(minute).or_default().extend_from_slice(samples);
    }

    /// Removes a minute's samples, as when a metric stopped being published.
    pub fn clear(&mut self, minute: i64) {
        self.0.remove(&minute);
    }

    /// The statistic over the minutes `from..to`; `None` when nothing arrived in them.
    #[must_use]
    pub fn statistic(&self, statistic: Statistic, from: i64, to: i64) -> Option<f64> {
        statistic.compute(self.0.range(from..to).flat_map(|(_, samples)| samples).copied())
    }
}

/// The replayed data of all metrics.
#[derive(Debug, Clone, Default)]
pub struct Store(BTreeMap<MetricId, Series>);

impl Store {
    /// A metric's data, to add to it.
    pub fn series(&mut self, id: &MetricId) -> &mut Series {
        self.0.entry(id.clone()).or_default()
    }

    /// Adds samples to a minute of one metric, as they are read from a log.
    pub fn push(&mut self, id: &MetricId, minute: i64, samples: &[Sample]) {
        self.series(id).push(minute, samples);
    }

    /// The data that feeds a metric, if any was replayed: its own, where a log has it by its full name.
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
    fn a_series_feeds_the_metric_whose_known_dimensions_it_names() {
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
    fn a_metric_without_a_name_is_refused() {
        assert!(MetricId::parse("Orders").is_err());
        assert!(MetricId::parse("Orders Requests Route").is_err());
    }

    #[test]
    fn a_window_ends_before_its_last_minute() {
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
