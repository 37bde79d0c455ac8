//! One metric alarm, evaluated: M of the last N points, and what happens when points are missing.
//!
//! Implements
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html>;
//! the documentation's own two tables are the unit tests. CloudWatch looks at more points than N, the
//! *evaluation range*, whose length it does not publish. Its examples use N + 2, and so does this.
//!
//! Where the tables are silent (all points that exist are breaching, there are fewer than M of them,
//! and the oldest is younger than M periods) this keeps the present state when missing data is
//! `missing` or `ignore`.

use super::compute::Points;

/// An alarm's state.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize, serde::Serialize,
)]
pub enum State {
    /// Within the threshold.
    #[serde(rename = "OK")]
    Ok,
    /// Not enough data to say.
    #[serde(rename = "INSUFFICIENT_DATA")]
    InsufficientData,
    /// Beyond the threshold.
    #[serde(rename = "ALARM")]
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

/// What a missing point counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are CloudWatch's own")]
pub enum MissingData {
    Missing,
    Ignore,
    Breaching,
    NotBreaching,
}

impl MissingData {
    /// Reads `treat_missing_data`; absent means `missing`.
    pub fn parse(text: Option<&str>) -> anyhow::Result<Self> {
        Ok(match text.unwrap_or("missing") {
            "missing" => Self::Missing,
            "ignore" => Self::Ignore,
            "breaching" => Self::Breaching,
            "notBreaching" => Self::NotBreaching,
            other => anyhow::bail!("treat_missing_data {other:?} does not exist"),
        })
    }
}

/// How a point compares with the threshold when it is breaching.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Comparison {
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

impl Comparison {
    /// Reads `comparison_operator`.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        Ok(match text {
            "GreaterThanThreshold" => Self::Greater,
            "GreaterThanOrEqualToThreshold" => Self::GreaterOrEqual,
            "LessThanThreshold" => Self::Less,
            "LessThanOrEqualToThreshold" => Self::LessOrEqual,
            other => anyhow::bail!("comparison {other:?} is not implemented"),
        })
    }

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

/// When an alarm goes off.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Condition {
    /// Which side of the threshold is bad.
    pub comparison: Comparison,
    /// In the unit of the metric or of the expression.
    pub threshold: f64,
    /// N.
    pub evaluation_periods: usize,
    /// M.
    pub datapoints_to_alarm: usize,
    /// What a missing point counts as.
    pub missing_data: MissingData,
}

impl Condition {
    /// How many of the most recent periods are looked at.
    #[must_use]
    pub fn range(&self) -> usize {
        self.evaluation_periods + 2
    }

    /// The next state, from the points of the evaluation range, oldest first.
    #[must_use]
    pub fn next(&self, points: &Points, present: State) -> State {
        // `None` is a missing point; `Some(true)` a breaching one.
        let range: Vec<Option<bool>> = points
            .iter()
            .map(|point| point.map(|value| self.comparison.breaches(value, self.threshold)))
            .collect();
        // The most recent real points, as far back into the range as it takes to have N of them.
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

    /// Whether the oldest point, with every real point breaching, is at least M periods old: then
    /// CloudWatch raises the alarm even though fewer than M points exist.
    fn is_old_enough(&self, range: &[Option<bool>]) -> bool {
        let oldest = range.iter().position(Option::is_some);
        oldest.is_some_and(|at| range.len() - at >= self.datapoints_to_alarm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn states(points: &str, datapoints_to_alarm: usize, present: State) -> [State; 4] {
        let points: Points = points
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

    /// The tables of the documentation, for 3 of 3 and for 2 of 3, each row under both states that
    /// "retain current state" could retain.
    #[test]
    fn the_tables_of_the_documentation() {
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
    fn a_lone_young_breach_does_not_raise_an_alarm_at_once() {
        for points in ["- - - - X", "- - - X -"] {
            assert_eq!(states(points, 3, State::Ok)[0], State::Ok, "{points}");
        }
    }

    #[test]
    fn comparisons_stand_on_the_right_side_of_the_threshold() {
        for (name, breaching_values) in [
            ("GreaterThanThreshold", vec![3.0]),
            ("GreaterThanOrEqualToThreshold", vec![2.0, 3.0]),
            ("LessThanThreshold", vec![1.0]),
            ("LessThanOrEqualToThreshold", vec![1.0, 2.0]),
        ] {
            let comparison = Comparison::parse(name).unwrap();
            let got: Vec<f64> =
                [1.0, 2.0, 3.0].into_iter().filter(|v| comparison.breaches(*v, 2.0)).collect();
            assert_eq!(got, breaching_values, "{name}");
        }
        assert!(Comparison::parse("GreaterThanUpperThreshold").is_err());
    }
}
