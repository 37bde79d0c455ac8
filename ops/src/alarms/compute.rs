//! Metric math, computed: what an expression gives over the periods of an evaluation range.
//!
//! From the documentation: an operator between two series takes a missing point for 0 when the other
//! side has one; a division by zero drops the point; `IF` drops the point when its condition has
//! none, and takes 0 for a missing second operand. Between a series and a number, a missing point
//! stays missing.
//!
//! The documentation does not say what `FILL` makes of a series that has no point at all in the
//! range. [`Reading`] holds both answers, and the scenario tests must come out alike under both.

use std::collections::BTreeMap;

use anyhow::{Context, bail, ensure};

use super::math::{Expression, Operator};

/// One value for each period, oldest first.
pub type Points = Vec<Option<f64>>;

/// What `FILL` makes of a series without a single point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// A series of the filler.
    FillsEmpty,
    /// Nothing.
    LeavesEmpty,
}

/// A value on the way to the result.
#[derive(Debug, Clone, PartialEq)]
enum Value {
    Scalar(f64),
    Series(Points),
    Array(Vec<Points>),
}

/// Computes an expression.
#[derive(Debug)]
pub struct Computer<'a> {
    /// The other queries' values, by id.
    pub values: &'a BTreeMap<&'a str, Points>,
    /// How many periods the range has.
    pub length: usize,
    /// Which reading of `FILL` holds.
    pub reading: Reading,
}

impl Computer<'_> {
    /// The expression's series.
    ///
    /// # Errors
    /// When an id is unknown, an operand is of the wrong kind, or the result is no single series.
    pub fn series(&self, expression: &Expression) -> anyhow::Result<Points> {
        match self.value(expression)? {
            Value::Series(points) => Ok(points),
            Value::Scalar(_) => bail!("an alarm needs a series, the expression gives one number"),
            Value::Array(_) => bail!("an alarm watches one series, the expression gives several"),
        }
    }

    fn value(&self, expression: &Expression) -> anyhow::Result<Value> {
        Ok(match expression {
            Expression::Number(number) => Value::Scalar(*number),
            Expression::Reference(id) => Value::Series(
                self.values
                    .get(id.as_str())
                    .with_context(|| format!("no query has the id {id}"))?
                    .clone(),
            ),
            Expression::Array(items) => {
                Value::Array(items.iter().map(|i| self.series(i)).collect::<anyhow::Result<_>>()?)
            }
            Expression::Binary(operator, left, right) => {
                binary(*operator, self.value(left)?, self.value(right)?)?
            }
            Expression::Call(name, arguments) => self.call(name, arguments)?,
        })
    }

    fn call(&self, name: &str, arguments: &[Expression]) -> anyhow::Result<Value> {
        let values =
            arguments.iter().map(|a| self.value(a)).collect::<anyhow::Result<Vec<Value>>>()?;
        match (name, values.as_slice()) {
            ("IF", [condition, then]) => self.choose(condition, then, None),
            ("IF", [condition, then, otherwise]) => self.choose(condition, then, Some(otherwise)),
            ("FILL", [Value::Series(points), Value::Scalar(filler)]) => {
                let empty = points.iter().all(Option::is_none);
                let leave = empty && self.reading == Reading::LeavesEmpty;
                let all = points.iter().map(|p| if leave { None } else { p.or(Some(*filler)) });
                Ok(Value::Series(all.collect()))
            }
            ("ABS", [Value::Series(points)]) => {
                Ok(Value::Series(points.iter().map(|p| p.map(f64::abs)).collect()))
            }
            ("SUM" | "MIN" | "MAX" | "AVG", [Value::Array(series)]) => {
                Ok(Value::Series((0..self.length).map(|at| aggregate(name, series, at)).collect()))
            }
            _ => bail!("{name} does not take these operands here"),
        }
    }

    fn choose(
        &self,
        condition: &Value,
        then: &Value,
        otherwise: Option<&Value>,
    ) -> anyhow::Result<Value> {
        let Value::Series(condition) = condition else { bail!("IF needs a series to decide by") };
        let at = |value: &Value, index: usize| -> anyhow::Result<Option<f64>> {
            match value {
                Value::Scalar(number) => Ok(Some(*number)),
                Value::Series(points) => Ok(points[index]),
                Value::Array(_) => bail!("IF does not take an array here"),
            }
        };
        let points = condition.iter().enumerate().map(|(index, point)| match (point, otherwise) {
            (None, _) => Ok(None),
            (Some(value), otherwise) if *value == 0.0 => {
                otherwise.map_or(Ok(None), |otherwise| at(otherwise, index))
            }
            (Some(_), _) => Ok(Some(at(then, index)?.unwrap_or(0.0))),
        });
        let points = points.collect::<anyhow::Result<Points>>()?;
        ensure!(points.len() == self.length, "a series of another length");
        Ok(Value::Series(points))
    }
}

fn binary(operator: Operator, left: Value, right: Value) -> anyhow::Result<Value> {
    Ok(match (left, right) {
        (Value::Scalar(a), Value::Scalar(b)) => {
            Value::Scalar(apply(operator, a, b).context("a division by zero")?)
        }
        (Value::Series(a), Value::Scalar(b)) => {
            Value::Series(a.into_iter().map(|a| apply(operator, a?, b)).collect())
        }
        (Value::Scalar(a), Value::Series(b)) => {
            Value::Series(b.into_iter().map(|b| apply(operator, a, b?)).collect())
        }
        (Value::Series(a), Value::Series(b)) => Value::Series(
            a.into_iter()
                .zip(b)
                .map(|pair| match pair {
                    (None, None) => None,
                    (a, b) => apply(operator, a.unwrap_or(0.0), b.unwrap_or(0.0)),
                })
                .collect(),
        ),
        _ => bail!("an operator between arrays is not implemented"),
    })
}

#[expect(clippy::float_cmp, reason = "== and != of metric math compare exactly")]
fn apply(operator: Operator, a: f64, b: f64) -> Option<f64> {
    let truth = |is: bool| f64::from(u8::from(is));
    Some(match operator {
        Operator::Add => a + b,
        Operator::Subtract => a - b,
        Operator::Multiply => a * b,
        Operator::Divide if b == 0.0 => return None,
        Operator::Divide => a / b,
        Operator::Equal => truth(a == b),
        Operator::NotEqual => truth(a != b),
        Operator::Less => truth(a < b),
        Operator::Greater => truth(a > b),
        Operator::LessOrEqual => truth(a <= b),
        Operator::GreaterOrEqual => truth(a >= b),
        Operator::And => truth(a != 0.0 && b != 0.0),
        Operator::Or => truth(a != 0.0 || b != 0.0),
    })
}

fn aggregate(name: &str, series: &[Points], at: usize) -> Option<f64> {
    let values: Vec<f64> = series.iter().filter_map(|points| points[at]).collect();
    let sum: f64 = values.iter().sum();
    if values.is_empty() {
        return None;
    }
    Some(match name {
        "MIN" => values.into_iter().fold(f64::INFINITY, f64::min),
        "MAX" => values.into_iter().fold(f64::NEG_INFINITY, f64::max),
        // "Missing values are treated as 0": the divisor is the number of series.
        #[expect(clippy::cast_precision_loss, reason = "an alarm has at most ten series")]
        "AVG" => sum / series.len() as f64,
        _ => sum,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compute(text: &str, reading: Reading) -> anyhow::Result<Points> {
        let values = BTreeMap::from([
            ("m1", vec![Some(30.0), Some(20.0), Some(0.0), Some(0.0)]),
            ("m2", vec![Some(20.0), None, Some(20.0), None]),
            ("gone", vec![None; 4]),
        ]);
        Computer { values: &values, length: 4, reading }.series(&Expression::parse(text)?)
    }

    #[test]
    fn expressions_give_what_the_documentation_shows() {
        let n = None;
        for (text, expected) in [
            // The documentation's own example of two series.
            ("m1 > m2", [Some(1.0), Some(1.0), Some(0.0), Some(0.0)]),
            ("m1 > 15 AND m2 > 15", [Some(1.0), Some(0.0), Some(0.0), Some(0.0)]),
            ("m1 > 15 OR m2 > 15", [Some(1.0), Some(1.0), Some(1.0), Some(0.0)]),
            // Missing is 0 beside a point, and missing beside nothing.
            ("m1 + m2", [Some(50.0), Some(20.0), Some(20.0), Some(0.0)]),
            ("m2 + 1", [Some(21.0), n, Some(21.0), n]),
            ("gone + gone", [n, n, n, n]),
            ("m1 + gone", [Some(30.0), Some(20.0), Some(0.0), Some(0.0)]),
            // A division by zero drops the point.
            ("m1 / m2", [Some(1.5), n, Some(0.0), n]),
            ("-m1 * 2", [Some(-60.0), Some(-40.0), Some(0.0), Some(0.0)]),
            ("FILL(m2, 7)", [Some(20.0), Some(7.0), Some(20.0), Some(7.0)]),
            ("SUM([m1, m2])", [Some(50.0), Some(20.0), Some(20.0), Some(0.0)]),
            ("MAX([m1, m2])", [Some(30.0), Some(20.0), Some(20.0), Some(0.0)]),
            ("AVG([m1, m2])", [Some(25.0), Some(10.0), Some(10.0), Some(0.0)]),
            // IF: a missing condition drops the point, a missing second operand is 0, a missing
            // third one drops the point.
            ("IF(m2, m1, 5)", [Some(30.0), n, Some(0.0), n]),
            ("IF(m1, m2, 5)", [Some(20.0), Some(0.0), Some(5.0), Some(5.0)]),
            ("IF(m1 < 10, m1, m2)", [Some(20.0), n, Some(0.0), Some(0.0)]),
            ("IF(m1 > 10, m1)", [Some(30.0), Some(20.0), n, n]),
        ] {
            for reading in [Reading::FillsEmpty, Reading::LeavesEmpty] {
                assert_eq!(compute(text, reading).unwrap(), expected, "{text}");
            }
        }
    }

    #[test]
    fn the_two_readings_of_fill_differ_only_where_there_is_nothing() {
        assert_eq!(compute("FILL(gone, 1)", Reading::FillsEmpty).unwrap(), [Some(1.0); 4]);
        assert_eq!(compute("FILL(gone, 1)", Reading::LeavesEmpty).unwrap(), [None; 4]);
    }

    #[test]
    fn what_is_no_single_series_is_refused() {
        for text in ["1 + 1", "[m1, m2]", "IF(1, m1, m2)", "FILL(m1, m2)", "nobody", "[m1] + m2"] {
            assert!(compute(text, Reading::FillsEmpty).is_err(), "{text}");
        }
    }
}
