//! The samples of a metric in one minute, and CloudWatch's statistics of them.
//!
//! A minute is a weighted distribution, not one number, because the percentile of an hour cannot be computed from the
//! percentiles of its minutes.
//!
//! Statistics: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html>

use anyhow::{Context, bail};
use serde::Deserialize;

/// Samples of equal value that arrived in the same minute.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// The value in the metric's unit.
    pub value: f64,
    /// The number of samples with this value. A counter that reports `n` events has `n` samples of 1.
    pub count: f64,
}

/// A statistic of a period's samples.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(try_from = "String")]
pub enum Statistic {
    /// Sum of the values.
    Sum,
    /// Mean of the values.
    Average,
    /// Smallest value.
    Minimum,
    /// Largest value.
    Maximum,
    /// Number of samples.
    SampleCount,
    /// `p99`: at least 99 percent of the samples are at or below the value. The percentage is 0 to 100.
    Percentile(f64),
    /// `PR(:x)`: the percentage of samples at or below `x`.
    RankUpTo(f64),
}

impl Statistic {
    /// Reads a statistic in the notation of Terraform and the API.
    ///
    /// # Errors
    /// The evaluator does not implement the statistic. The error names it.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        Ok(match text {
            "Sum" => Self::Sum,
            "Average" => Self::Average,
            "Minimum" => Self::Minimum,
            "Maximum" => Self::Maximum,
            "SampleCount" => Self::SampleCount,
            _ => {
                let number = |digits: &str| {
                    digits.parse::<f64>().with_context(|| format!("no number in statistic {text}"))
                };
                if let Some(limit) = text.strip_prefix("PR(:").and_then(|t| t.strip_suffix(')')) {
                    Self::RankUpTo(number(limit)?)
                } else if let Some(rank) = text.strip_prefix('p') {
                    Self::Percentile(number(rank)?)
                } else {
                    bail!("this evaluator does not implement the statistic {text}")
                }
            }
        })
    }

    /// The statistic of a period's samples. `None` without samples, because CloudWatch then has no data point, not a
    /// zero.
    pub fn compute(self, samples: impl Iterator<Item = Sample>) -> Option<f64> {
        let mut all = Vec::new();
        let (mut count, mut sum, mut below) = (0.0, 0.0, 0.0);
        let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
        for sample in samples {
            count += sample.count;
            sum += sample.value * sample.count;
            least = least.min(sample.value);
            most = most.max(sample.value);
            match self {
                Self::RankUpTo(limit) if sample.value <= limit => below += sample.count,
                Self::Percentile(_) => all.push(sample),
                _ => {}
            }
        }
        (count > 0.0).then(|| match self {
            Self::Sum => sum,
            Self::Average => sum / count,
            Self::Minimum => least,
            Self::Maximum => most,
            Self::SampleCount => count,
            Self::RankUpTo(_) => 100.0 * below / count,
            Self::Percentile(percent) => percentile(all, count * percent / 100.0),
        })
    }
}

impl TryFrom<String> for Statistic {
    type Error = anyhow::Error;

    fn try_from(text: String) -> anyhow::Result<Self> {
        Self::parse(&text)
    }
}

/// The smallest value with at least `rank` samples at or below it (nearest rank). CloudWatch estimates from a
/// histogram, so its value can differ in the third digit.
fn percentile(mut samples: Vec<Sample>, rank: f64) -> f64 {
    samples.sort_by(|a, b| a.value.total_cmp(&b.value));
    let mut seen = 0.0;
    let mut last = f64::NAN;
    for sample in samples {
        seen += sample.count;
        last = sample.value;
        if seen >= rank {
            break;
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples() -> Vec<Sample> {
        vec![Sample { value: 2.0, count: 10.0 }, Sample { value: 0.1, count: 990.0 }]
    }

    #[test]
    fn statistics_use_the_weights_of_samples() {
        for (text, expected) in [
            ("Sum", 119.0),
            ("SampleCount", 1000.0),
            ("Average", 0.119),
            ("Minimum", 0.1),
            ("Maximum", 2.0),
            ("p50", 0.1),
            ("p99", 0.1),
            ("p99.1", 2.0),
            ("p100", 2.0),
            ("PR(:0.25)", 99.0),
            ("PR(:2)", 100.0),
            ("PR(:0.05)", 0.0),
        ] {
            let got = Statistic::parse(text).unwrap().compute(samples().into_iter()).unwrap();
            assert!((got - expected).abs() < 1e-9, "{text}: {got} instead of {expected}");
        }
    }

    #[test]
    fn no_samples_give_no_data_point() {
        assert_eq!(Statistic::Sum.compute(std::iter::empty()), None);
    }

    #[test]
    fn unsupported_statistic_is_refused() {
        for text in ["tm99", "IQM", "sum", "PR(0.1:0.2)", "px"] {
            assert!(Statistic::parse(text).is_err(), "{text}");
        }
    }
}
