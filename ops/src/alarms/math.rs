//! Metric math: the part of the language that our alarms use, as a syntax tree.
//!
//! Grammar, weakest first: `OR ||`, `AND &&`, comparisons (`== != < > <= >=`), `+ -`, `* /`, unary
//! `-`, and calls. Functions: `IF`, `FILL`, `SUM`, `MIN`, `MAX`, `AVG`, `ABS`. Everything else of
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html>
//! is refused by name rather than guessed at. CloudWatch documents no precedence between the logical
//! operators, so an expression that mixes `AND` with `OR` without parentheses is refused too.

use anyhow::{Context, bail, ensure};

/// An operator between two operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each name is the operator's own")]
pub enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Equal,
    NotEqual,
    Less,
    Greater,
    LessOrEqual,
    GreaterOrEqual,
    And,
    Or,
}

/// A parsed expression.
#[derive(Debug, Clone, PartialEq)]
pub enum Expression {
    /// A number.
    Number(f64),
    /// Another query of the same alarm, by its id; ids begin with a lower-case letter.
    Reference(String),
    /// Two operands.
    Binary(Operator, Box<Expression>, Box<Expression>),
    /// A function, by its upper-case name.
    Call(String, Vec<Expression>),
    /// `[a, b]`, which only the aggregating functions take.
    Array(Vec<Expression>),
}

impl Expression {
    /// Parses an expression.
    ///
    /// # Errors
    /// Says what was found, where something else was expected.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let mut parser = Parser { tokens: tokens(text)?, at: 0 };
        let expression = parser.logical().with_context(|| format!("metric math {text:?}"))?;
        ensure!(
            parser.at == parser.tokens.len(),
            "metric math {text:?}: {:?} is left over",
            parser.tokens[parser.at]
        );
        Ok(expression)
    }

    /// The ids that the expression refers to.
    #[must_use]
    pub fn references(&self) -> Vec<&str> {
        match self {
            Self::Number(_) => vec![],
            Self::Reference(id) => vec![id],
            Self::Binary(_, left, right) => [left.references(), right.references()].concat(),
            Self::Call(_, items) | Self::Array(items) => {
                items.iter().flat_map(Self::references).collect()
            }
        }
    }
}

const FUNCTIONS: [&str; 7] = ["IF", "FILL", "SUM", "MIN", "MAX", "AVG", "ABS"];

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Number(f64),
    Word(String),
    Symbol(&'static str),
}

/// Longer symbols first, so that `<=` is not read as `<`.
const SYMBOLS: [&str; 17] =
    ["<=", ">=", "==", "!=", "&&", "||", "<", ">", "+", "-", "*", "/", "(", ")", "[", "]", ","];

fn tokens(text: &str) -> anyhow::Result<Vec<Token>> {
    let mut rest = text.trim_start();
    let mut found = Vec::new();
    while let Some(first) = rest.chars().next() {
        let length = |accept: fn(char) -> bool| rest.find(|c| !accept(c)).unwrap_or(rest.len());
        let taken = if first.is_ascii_digit() {
            let length = length(|c| c.is_ascii_digit() || c == '.');
            found.push(Token::Number(rest[..length].parse().context("a number")?));
            length
        } else if first.is_ascii_alphabetic() {
            let length = length(|c| c.is_ascii_alphanumeric() || c == '_');
            found.push(Token::Word(rest[..length].to_owned()));
            length
        } else {
            let symbol = SYMBOLS.into_iter().find(|s| rest.starts_with(s));
            let symbol = symbol.with_context(|| format!("metric math {text:?}: {first:?}"))?;
            found.push(Token::Symbol(symbol));
            symbol.len()
        };
        rest = rest[taken..].trim_start();
    }
    Ok(found)
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

impl Parser {
    fn take(&mut self, symbol: &str) -> bool {
        let found = matches!(self.tokens.get(self.at), Some(Token::Symbol(s)) if *s == symbol);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, symbol: &str) -> anyhow::Result<()> {
        ensure!(self.take(symbol), "{symbol:?} expected, got {:?}", self.tokens.get(self.at));
        Ok(())
    }

    fn logical(&mut self) -> anyhow::Result<Expression> {
        let mut left = self.comparison()?;
        let mut seen = None;
        loop {
            let operator = match self.tokens.get(self.at) {
                Some(Token::Word(word)) if word == "AND" => Operator::And,
                Some(Token::Word(word)) if word == "OR" => Operator::Or,
                Some(Token::Symbol("&&")) => Operator::And,
                Some(Token::Symbol("||")) => Operator::Or,
                _ => return Ok(left),
            };
            ensure!(
                seen.replace(operator).is_none_or(|before| before == operator),
                "AND and OR are mixed; put parentheses"
            );
            self.at += 1;
            left = Expression::Binary(operator, left.into(), self.comparison()?.into());
        }
    }

    fn comparison(&mut self) -> anyhow::Result<Expression> {
        const OPERATORS: [(&str, Operator); 6] = [
            ("<=", Operator::LessOrEqual),
            (">=", Operator::GreaterOrEqual),
            ("==", Operator::Equal),
            ("!=", Operator::NotEqual),
            ("<", Operator::Less),
            (">", Operator::Greater),
        ];
        let left = self.sum()?;
        for (symbol, operator) in OPERATORS {
            if self.take(symbol) {
                return Ok(Expression::Binary(operator, left.into(), self.sum()?.into()));
            }
        }
        Ok(left)
    }

    fn sum(&mut self) -> anyhow::Result<Expression> {
        let mut left = self.product()?;
        loop {
            let operator = match () {
                () if self.take("+") => Operator::Add,
                () if self.take("-") => Operator::Subtract,
                () => return Ok(left),
            };
            left = Expression::Binary(operator, left.into(), self.product()?.into());
        }
    }

    fn product(&mut self) -> anyhow::Result<Expression> {
        let mut left = self.unary()?;
        loop {
            let operator = match () {
                () if self.take("*") => Operator::Multiply,
                () if self.take("/") => Operator::Divide,
                () => return Ok(left),
            };
            left = Expression::Binary(operator, left.into(), self.unary()?.into());
        }
    }

    fn unary(&mut self) -> anyhow::Result<Expression> {
        if self.take("-") {
            let minus_one = Box::new(Expression::Number(-1.0));
            return Ok(Expression::Binary(Operator::Multiply, minus_one, self.unary()?.into()));
        }
        self.primary()
    }

    fn primary(&mut self) -> anyhow::Result<Expression> {
        if self.take("(") {
            let inner = self.logical()?;
            self.expect(")")?;
            return Ok(inner);
        }
        if self.take("[") {
            return Ok(Expression::Array(self.list("]")?));
        }
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        match token {
            Some(Token::Number(number)) => Ok(Expression::Number(number)),
            Some(Token::Word(word)) if self.take("(") => {
                ensure!(FUNCTIONS.contains(&word.as_str()), "function {word} is not implemented");
                Ok(Expression::Call(word, self.list(")")?))
            }
            Some(Token::Word(word)) if word.starts_with(|c: char| c.is_ascii_lowercase()) => {
                Ok(Expression::Reference(word))
            }
            other => bail!("an operand expected, got {other:?}"),
        }
    }

    fn list(&mut self, end: &str) -> anyhow::Result<Vec<Expression>> {
        let mut items = vec![self.logical()?];
        while self.take(",") {
            items.push(self.logical()?);
        }
        self.expect(end)?;
        Ok(items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_bind_closer_than_sums_and_sums_closer_than_comparisons() {
        let same = |a: &str, b: &str| {
            assert_eq!(Expression::parse(a).unwrap(), Expression::parse(b).unwrap(), "{a}");
        };
        same("a + b * c > d", "(a + (b * c)) > d");
        same("a - b - c", "(a - b) - c");
        same("a > 1 AND b > 2 && c > 3", "((a > 1) AND (b > 2)) AND (c > 3)");
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for text in [
            "",
            "a +",
            "a b",
            "ANOMALY_DETECTION_BAND(a)",
            "IF(a",
            "a ^ 2",
            "A",
            "a AND b OR c",
            "a # b",
            "SUM()",
            "1.2.3",
        ] {
            assert!(Expression::parse(text).is_err(), "{text:?} was accepted");
        }
    }

    #[test]
    fn references_are_found_wherever_they_stand() {
        let expression = Expression::parse("IF(a >= 5, SUM([b, FILL(c, 0)]) / -d)").unwrap();
        assert_eq!(expression.references(), ["a", "b", "c", "d"]);
    }
}
