//! Evaluates one metric alarm: M of the last N points, and missing points.
//!
//! Implements <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html>. The two
//! tables of that page are the unit tests. CloudWatch looks at more than N points, the *evaluation range*. AWS does not
//! publish its length. The examples of AWS use N + 2, and so does this module.
//!
//! The tables do not cover one case: all existing points are breaching, there are fewer than M of them, and the oldest
//! is younger than M periods. Then this module keeps the present state if missing data is `missing` or `ignore`.

use serde::Deserialize;

/// An alarm's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum State {
    /// Within the threshold.
    Ok,
    /// Not enough data to decide.
    InsufficientData,
    /// Beyond the threshold.
    Alarm,
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Ok => "OK",
            Self::InsufficientData => "INSUFFICIENT_DATA",
            Self::Alarm => "ALARM",
        })
    }
}

/// The treatment of a missing point: `treat_missing_data`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are CloudWatch's own")]
pub enum MissingData {
    #[default]
    Missing,
    Ignore,
    Breaching,
    NotBreaching,
}

/// How a breaching point compares with the threshold: `comparison_operator`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[expect(missing_docs, reason = "the names are CloudWatch's own")]
pub enum Comparison {
    #[serde(rename = "GreaterThanThreshold")]
    Greater,
    #[serde(rename = "GreaterThanOrEqualToThreshold")]
    GreaterOrEqual,
    #[serde(rename = "LessThanThreshold")]
    Less,
    #[serde(rename = "LessThanOrEqualToThreshold")]
    LessOrEqual,
}

impl Comparison {
    /// The operator's sign, for a table.
    #[must_use]
    pub fn sign(self) -> &'static str {
        match self {
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
        }
    }

    fn breaches(self, value: f64, threshold: f64) -> bool {
        match self {
            Self::Greater => value > threshold,
            Self::GreaterOrEqual => value >= threshold,
            Self::Less => value < threshold,
            Self::LessOrEqual => value <= threshold,
        }
    }
}

/// The condition for a metric alarm's change of state.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Condition {
    /// The breaching side of the threshold.
    pub comparison: Comparison,
    /// In the unit of the metric or of the expression.
    pub threshold: f64,
    /// N: the number of points.
    pub evaluation_periods: usize,
    /// M: the number of breaching points for ALARM.
    pub datapoints_to_alarm: usize,
    /// The treatment of a missing point.
    pub missing_data: MissingData,
}

impl Condition {
    /// The length of the evaluation range in periods.
    #[must_use]
    pub fn range(&self) -> usize {
        self.evaluation_periods + 2
    }

    /// The next state, from the points of the evaluation range, oldest first.
    #[must_use]
    pub fn next(&self, points: &[Option<f64>], present: State) -> State {
        // `None` is a missing point, `Some(true)` a breaching one.
        let range: Vec<Option<bool>> = points
            .iter()
            .map(|point| point.map(|value| self.comparison.breaches(value, self.threshold)))
            .collect();
        // The N most recent real points of the range, or fewer.
        let real: Vec<bool> =
            range.iter().rev().filter_map(|p| *p).take(self.evaluation_periods).collect();
        let breaching = real.iter().filter(|breaching| **breaching).count();
        let filled = self.evaluation_periods - real.len();
        let verdict = |breaching| {
            if breaching >= self.datapoints_to_alarm { State::Alarm } else { State::Ok }
        };
        if filled == 0 || breaching >= self.datapoints_to_alarm {
            return verdict(breaching);
        }
        match self.missing_data {
            MissingData::Breaching => verdict(breaching + filled),
            MissingData::NotBreaching => State::Ok,
            MissingData::Missing if real.is_empty() => State::InsufficientData,
            MissingData::Missing | MissingData::Ignore if real.contains(&false) => State::Ok,
            MissingData::Missing if self.is_old_enough(&range) => State::Alarm,
            MissingData::Missing | MissingData::Ignore => present,
        }
    }

    /// Whether the oldest point is at least M periods old. Then CloudWatch raises the alarm when all real points are
    /// breaching, even if there are fewer than M.
    fn is_old_enough(&self, range: &[Option<bool>]) -> bool {
        let oldest = range.iter().position(Option::is_some);
        oldest.is_some_and(|at| range.len() - at >= self.datapoints_to_alarm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn states(points: &str, datapoints_to_alarm: usize, present: State) -> [State; 4] {
        let points: Vec<Option<f64>> = points
            .split(' ')
            .map(|mark| match mark {
                "0" => Some(0.0),
                "X" => Some(1.0),
                _ => None,
            })
            .collect();
        [
            MissingData::Missing,
            MissingData::Ignore,
            MissingData::Breaching,
            MissingData::NotBreaching,
        ]
        .map(|missing_data| {
            Condition {
                comparison: Comparison::Greater,
                threshold: 0.5,
                evaluation_periods: 3,
                datapoints_to_alarm,
                missing_data,
            }
            .next(&points, present)
        })
    }

    /// The tables of AWS's documentation, for 3 of 3 and for 2 of 3. Each row is tested with both states that "retain
    /// current state" can retain.
    #[test]
    fn next_state_matches_the_tables_of_aws() {
        use State::{Alarm, InsufficientData, Ok};
        for keep in [Ok, Alarm] {
            for (m, points, expected) in [
                (3, "0 - X - X", [Ok, Ok, Ok, Ok]),
                (3, "0 - - - -", [Ok, Ok, Ok, Ok]),
                (3, "- - - - -", [InsufficientData, keep, Alarm, Ok]),
                (3, "0 X X - X", [Alarm, Alarm, Alarm, Alarm]),
                (3, "- - X - -", [Alarm, keep, Alarm, Ok]),
                (2, "0 - X - X", [Alarm, Alarm, Alarm, Alarm]),
                (2, "0 0 X 0 X", [Alarm, Alarm, Alarm, Alarm]),
                (2, "0 - X - -", [Ok, Ok, Alarm, Ok]),
                (2, "- - - - 0", [Ok, Ok, Alarm, Ok]),
                (2, "- - - X -", [Alarm, keep, Alarm, Ok]),
            ] {
                assert_eq!(states(points, m, keep), expected, "{m} of 3, {points}, was {keep}");
            }
        }
    }

    #[test]
    fn single_recent_breach_does_not_raise_an_alarm() {
        for points in ["- - - - X", "- - - X -"] {
            assert_eq!(states(points, 3, State::Ok)[0], State::Ok, "{points}");
        }
    }

    #[test]
    fn comparison_breaches_on_the_correct_side() {
        for (name, breaching_values) in [
            ("GreaterThanThreshold", vec![3.0]),
            ("GreaterThanOrEqualToThreshold", vec![2.0, 3.0]),
            ("LessThanThreshold", vec![1.0]),
            ("LessThanOrEqualToThreshold", vec![1.0, 2.0]),
        ] {
            let comparison: Comparison = serde_json::from_value(name.into()).unwrap();
            let got: Vec<f64> =
                [1.0, 2.0, 3.0].into_iter().filter(|v| comparison.breaches(*v, 2.0)).collect();
            assert_eq!(got, breaching_values, "{name}");
        }
        assert!(serde_json::from_str::<Comparison>("\"GreaterThanUpperThreshold\"").is_err());
    }
}
