//! Metric math: the part of the language that the alarms and the dashboard use.
//!
//! Operators, lowest precedence first: `AND`, comparisons, `+ -`, `* /`. The only function is `IF(condition, then,
//! otherwise)`. Every other part of
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html>
//! is refused, and the error names it.
//!
//! Missing points, from that documentation:
//!
//! - Between two series, an operator uses 0 for a missing point when the other series has a point.
//! - Between a series and a number, a missing point stays missing.
//! - A division by zero drops the point.
//! - `IF` drops the point when its condition is missing, and uses 0 for a missing second operand.

use anyhow::{Context as _, bail, ensure};
use serde::Deserialize;

/// A parsed expression.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub enum Expression {
    /// A number.
    Number(f64),
    /// A metric of the same alarm, by its id. Ids begin with a lower-case letter.
    Metric(String),
    /// Two operands.
    Binary(&'static Operator, Box<Expression>, Box<Expression>),
    /// `IF`.
    If(Box<[Expression; 3]>),
}

/// An operator between two operands.
#[derive(Debug)]
pub struct Operator {
    symbol: &'static str,
    precedence: usize,
    apply: fn(f64, f64) -> f64,
}

const fn operator(precedence: usize, symbol: &'static str, apply: fn(f64, f64) -> f64) -> Operator {
    Operator { symbol, precedence, apply }
}

/// Comparisons do not chain. The other operators are left-associative.
const COMPARISON: usize = 1;
/// The precedence of an operand, above that of every operator.
const OPERAND: usize = 4;

/// A longer symbol must come before its prefix, so that `<=` is not read as `<`.
static OPERATORS: [Operator; 11] = [
    operator(0, "AND", |a, b| truth(a != 0.0 && b != 0.0)),
    operator(COMPARISON, "<=", |a, b| truth(a <= b)),
    operator(COMPARISON, ">=", |a, b| truth(a >= b)),
    operator(COMPARISON, "==", |a, b| truth(a.total_cmp(&b).is_eq())),
    operator(COMPARISON, "!=", |a, b| truth(a.total_cmp(&b).is_ne())),
    operator(COMPARISON, "<", |a, b| truth(a < b)),
    operator(COMPARISON, ">", |a, b| truth(a > b)),
    operator(2, "+", |a, b| a + b),
    operator(2, "-", |a, b| a - b),
    operator(3, "*", |a, b| a * b),
    operator(3, "/", |a, b| a / b),
];

fn truth(is: bool) -> f64 {
    f64::from(u8::from(is))
}

impl Expression {
    /// Parses an expression.
    ///
    /// # Errors
    /// The expression is invalid. The error names the unexpected part.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let parse = || {
            let mut tokens = tokens(text)?;
            tokens.reverse();
            let expression = expression(&mut tokens, 0)?;
            ensure!(tokens.is_empty(), "unexpected {:?} after the expression", tokens.last());
            ensure!(
                !expression.metrics().is_empty(),
                "the expression has no metric: an alarm needs a series, not a number"
            );
            Ok(expression)
        };
        parse().with_context(|| format!("metric math {text:?}"))
    }

    /// The ids of the metrics that the expression names.
    #[must_use]
    pub fn metrics(&self) -> Vec<&str> {
        match self {
            Self::Number(_) => vec![],
            Self::Metric(id) => vec![id],
            Self::Binary(_, left, right) => [left.metrics(), right.metrics()].concat(),
            Self::If(parts) => parts.iter().flat_map(Self::metrics).collect(),
        }
    }

    /// The value of one period; `None` when the period has no data point. `metric` returns a metric's value.
    pub fn value(&self, metric: &impl Fn(&str) -> Option<f64>) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Metric(id) => metric(id),
            Self::Binary(operator, left, right) => {
                let two_series = !left.is_number() && !right.is_number();
                let (a, b) = match (left.value(metric), right.value(metric)) {
                    (Some(a), b) if two_series => (a, b.unwrap_or(0.0)),
                    (a, Some(b)) if two_series => (a.unwrap_or(0.0), b),
                    (a, b) => (a?, b?),
                };
                Some((operator.apply)(a, b)).filter(|value| value.is_finite())
            }
            Self::If(parts) => {
                let [condition, then, otherwise] = &**parts;
                match condition.value(metric)? {
                    0.0 => otherwise.value(metric),
                    _ => Some(then.value(metric).unwrap_or(0.0)),
                }
            }
        }
    }

    fn is_number(&self) -> bool {
        self.metrics().is_empty()
    }
}

impl TryFrom<String> for Expression {
    type Error = anyhow::Error;

    fn try_from(text: String) -> anyhow::Result<Self> {
        Self::parse(&text)
    }
}

fn tokens(text: &str) -> anyhow::Result<Vec<&str>> {
    let mut rest = text.trim_start();
    let mut found = Vec::new();
    while let Some(first) = rest.chars().next() {
        let in_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
        let length = if in_word(first) {
            rest.find(|c| !in_word(c)).unwrap_or(rest.len())
        } else {
            let mut symbols =
                OPERATORS.iter().map(|operator| operator.symbol).chain(["(", ")", ","]);
            symbols
                .find(|symbol| rest.starts_with(symbol))
                .with_context(|| format!("unexpected {first:?}"))?
                .len()
        };
        let (token, after) = rest.split_at(length);
        found.push(token);
        rest = after.trim_start();
    }
    Ok(found)
}

/// Parses an operand and the following operators of at least this `precedence`. The tokens are in reverse order, so the
/// last one is the next one of the text.
fn expression(tokens: &mut Vec<&str>, precedence: usize) -> anyhow::Result<Expression> {
    if precedence == OPERAND {
        return operand(tokens);
    }
    let mut left = expression(tokens, precedence + 1)?;
    while let Some(operator) =
        OPERATORS.iter().find(|o| o.precedence == precedence && tokens.last() == Some(&o.symbol))
    {
        tokens.pop();
        let right = expression(tokens, precedence + 1)?;
        left = Expression::Binary(operator, left.into(), right.into());
        if precedence == COMPARISON {
            break;
        }
    }
    Ok(left)
}

fn operand(tokens: &mut Vec<&str>) -> anyhow::Result<Expression> {
    let token = tokens.pop().context("an operand is missing")?;
    Ok(match token {
        "(" => part(tokens, ")")?,
        "IF" => {
            ensure!(tokens.pop() == Some("("), "expected ( after IF");
            let parts = [part(tokens, ",")?, part(tokens, ",")?, part(tokens, ")")?];
            ensure!(!parts[0].is_number(), "the condition of IF must be a series");
            Expression::If(parts.into())
        }
        _ if token.starts_with(|c: char| c.is_ascii_digit()) => {
            Expression::Number(token.parse().with_context(|| format!("{token:?} is not a number"))?)
        }
        _ if token.starts_with(|c: char| c.is_ascii_lowercase()) && !token.contains('.') => {
            Expression::Metric(token.to_owned())
        }
        _ => bail!("{token:?} is not implemented as an operand"),
    })
}

/// An expression and the token that ends it.
fn part(tokens: &mut Vec<&str>, end: &str) -> anyhow::Result<Expression> {
    let part = expression(tokens, 0)?;
    let found = tokens.pop();
    ensure!(found == Some(end), "expected {end:?}, found {found:?}");
    Ok(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values over four periods.
    fn values(text: &str) -> [Option<f64>; 4] {
        let expression = Expression::parse(text).unwrap();
        std::array::from_fn(|period| {
            expression.value(&|id| match id {
                "m1" => [Some(30.0), Some(20.0), Some(0.0), Some(0.0)][period],
                "m2" => [Some(20.0), None, Some(20.0), None][period],
                _ => None,
            })
        })
    }

    #[test]
    fn values_match_the_documentation_of_aws() {
        let n = None;
        for (text, expected) in [
            // AWS's example of two series.
            ("m1 > m2", [Some(1.0), Some(1.0), Some(0.0), Some(0.0)]),
            ("m1 > 15 AND m2 > 15", [Some(1.0), Some(0.0), Some(0.0), Some(0.0)]),
            // A missing point counts as 0 if the other series has a point, and else stays missing.
            ("m1 + m2", [Some(50.0), Some(20.0), Some(20.0), Some(0.0)]),
            ("m2 + 1", [Some(21.0), n, Some(21.0), n]),
            ("gone + gone", [n, n, n, n]),
            ("m1 + gone", [Some(30.0), Some(20.0), Some(0.0), Some(0.0)]),
            ("m1 == 20", [Some(0.0), Some(1.0), Some(0.0), Some(0.0)]),
            ("m1 != 20", [Some(1.0), Some(0.0), Some(1.0), Some(1.0)]),
            // A division by zero drops the point.
            ("m1 / m2", [Some(1.5), n, Some(0.0), n]),
            // IF: a missing condition drops the point, a missing second operand is 0, a missing third operand drops the
            // point.
            ("IF(m2, m1, 5)", [Some(30.0), n, Some(0.0), n]),
            ("IF(m1, m2, 5)", [Some(20.0), Some(0.0), Some(5.0), Some(5.0)]),
            ("IF(m1 < 10, m1, m2)", [Some(20.0), n, Some(0.0), Some(0.0)]),
        ] {
            assert_eq!(values(text), expected, "{text}");
        }
    }

    #[test]
    fn operators_have_the_expected_precedence() {
        for (text, same) in [
            ("a + b * c > d", "(a + (b * c)) > d"),
            ("a - b - c", "(a - b) - c"),
            ("a > 1 AND b > 2 AND c > 3", "((a > 1) AND (b > 2)) AND (c > 3)"),
        ] {
            let [text, same] = [text, same].map(|t| format!("{:?}", Expression::parse(t).unwrap()));
            assert_eq!(text, same);
        }
    }

    #[test]
    fn unsupported_expressions_are_refused() {
        for text in [
            "",
            "a +",
            "a b",
            "ANOMALY_DETECTION_BAND(a)",
            "FILL(a, 0)",
            "IF(a",
            "IF(1, a, b)",
            "IF(a, b)",
            "a ^ 2",
            "A",
            "a AND b OR c",
            "a < b < c",
            "a # b",
            "1 + 1",
            "[a, b]",
            "a + 1.2.3",
        ] {
            assert!(Expression::parse(text).is_err(), "{text:?} was accepted");
        }
    }

    #[test]
    fn metrics_lists_the_ids_of_all_operands() {
        let expression = Expression::parse("IF(a >= 5, (b + c) / d, 0)").unwrap();
        assert_eq!(expression.metrics(), ["a", "b", "c", "d"]);
    }
}
