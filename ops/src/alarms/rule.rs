//! A composite alarm's rule.
//!
//! Grammar of
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html>:
//! `ALARM(name)`, `OK(name)`, `INSUFFICIENT_DATA(name)`, `TRUE`, `FALSE`, `NOT`, `AND`, `OR` and
//! parentheses; a name may stand in double quotes. As with metric math, `AND` mixed with `OR` needs
//! parentheses here. Left out: `AT_LEAST`, ARNs in place of names.

use anyhow::{Context, bail, ensure};

use super::evaluate::State;

/// A parsed rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule {
    /// `TRUE` or `FALSE`.
    Constant(bool),
    /// Whether the named alarm is in a state.
    Is(State, String),
    /// `NOT`.
    Not(Box<Rule>),
    /// All of them.
    All(Vec<Rule>),
    /// At least one of them.
    Any(Vec<Rule>),
}

impl Rule {
    /// Parses a rule.
    ///
    /// # Errors
    /// Says what was found where something else was expected.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let mut words = words(text)?;
        words.reverse();
        let rule = whole(&mut words).with_context(|| format!("composite rule {text:?}"))?;
        ensure!(words.is_empty(), "composite rule {text:?}: {words:?} is left over");
        Ok(rule)
    }

    /// Whether the rule holds, given every other alarm's state.
    ///
    /// # Errors
    /// When the rule names an alarm that does not exist.
    pub fn holds(&self, state_of: &dyn Fn(&str) -> Option<State>) -> anyhow::Result<bool> {
        Ok(match self {
            Self::Constant(value) => *value,
            Self::Is(state, name) => {
                state_of(name).with_context(|| format!("no alarm is called {name}"))? == *state
            }
            Self::Not(rule) => !rule.holds(state_of)?,
            Self::All(rules) => rules
                .iter()
                .try_fold(true, |so_far, r| Ok::<_, anyhow::Error>(so_far & r.holds(state_of)?))?,
            Self::Any(rules) => rules
                .iter()
                .try_fold(false, |so_far, r| Ok::<_, anyhow::Error>(so_far | r.holds(state_of)?))?,
        })
    }

    /// The alarms that the rule names.
    #[must_use]
    pub fn children(&self) -> Vec<&str> {
        match self {
            Self::Constant(_) => vec![],
            Self::Is(_, name) => vec![name],
            Self::Not(rule) => rule.children(),
            Self::All(rules) | Self::Any(rules) => rules.iter().flat_map(Self::children).collect(),
        }
    }
}

/// Cuts a rule into parentheses and words; a quoted name is one word without its quotes.
fn words(text: &str) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let taken = match first {
            '(' | ')' => {
                found.push(first.to_string());
                1
            }
            '"' => {
                let end = rest[1..].find('"').with_context(|| format!("open quote in {text:?}"))?;
                found.push(rest[1..=end].to_owned());
                end + 2
            }
            _ => {
                let end = rest.find(|c: char| c.is_whitespace() || "()\"".contains(c));
                let end = end.unwrap_or(rest.len());
                found.push(rest[..end].to_owned());
                end
            }
        };
        rest = rest[taken..].trim_start();
    }
    Ok(found)
}

fn whole(words: &mut Vec<String>) -> anyhow::Result<Rule> {
    let mut rules = vec![term(words)?];
    let mut joined_by = None;
    while let Some(word) = words.last().filter(|w| *w == "AND" || *w == "OR").cloned() {
        ensure!(
            joined_by.replace(word.clone()).is_none_or(|before| before == word),
            "AND and OR are mixed; put parentheses"
        );
        words.pop();
        rules.push(term(words)?);
    }
    Ok(match joined_by.as_deref() {
        None => rules.remove(0),
        Some("AND") => Rule::All(rules),
        Some(_) => Rule::Any(rules),
    })
}

fn term(words: &mut Vec<String>) -> anyhow::Result<Rule> {
    let word = words.pop().context("the rule ends too early")?;
    let state = match word.as_str() {
        "TRUE" => return Ok(Rule::Constant(true)),
        "FALSE" => return Ok(Rule::Constant(false)),
        "NOT" => return Ok(Rule::Not(Box::new(term(words)?))),
        "(" => {
            let rule = whole(words)?;
            close(words)?;
            return Ok(rule);
        }
        "ALARM" => State::Alarm,
        "OK" => State::Ok,
        "INSUFFICIENT_DATA" => State::InsufficientData,
        other => bail!("{other:?} is no part of a rule that is implemented"),
    };
    ensure!(words.pop().as_deref() == Some("("), "{word} needs a name in parentheses");
    let name = words.pop().filter(|name| name != ")").context("a name is missing")?;
    close(words)?;
    Ok(Rule::Is(state, name))
}

fn close(words: &mut Vec<String>) -> anyhow::Result<()> {
    ensure!(words.pop().as_deref() == Some(")"), "a closing parenthesis is missing");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(text: &str) -> anyhow::Result<bool> {
        Rule::parse(text)?.holds(&|name| match name {
            "bad" | "a bad one" => Some(State::Alarm),
            "good" => Some(State::Ok),
            "unknown" => Some(State::InsufficientData),
            _ => None,
        })
    }

    #[test]
    fn rules_hold_as_written() {
        for (text, expected) in [
            ("ALARM(bad)", true),
            ("ALARM(\"a bad one\") AND ALARM(bad)", true),
            ("ALARM(bad) AND ALARM(good)", false),
            ("ALARM(bad) OR ALARM(good)", true),
            ("ALARM(bad) AND NOT ALARM(good)", true),
            ("NOT (ALARM(good) OR OK(good))", false),
            ("INSUFFICIENT_DATA(unknown) AND OK(good) AND TRUE", true),
            ("(ALARM(good) OR ALARM(bad)) AND FALSE", false),
            ("ALARM(unknown)", false),
        ] {
            assert_eq!(holds(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn rules_that_are_not_understood_are_refused() {
        for text in [
            "",
            "ALARM",
            "ALARM()",
            "ALARM(bad",
            "ALARM(bad) ALARM(good)",
            "ALARM(bad) AND",
            "ALARM(bad) AND ALARM(good) OR ALARM(bad)",
            "AT_LEAST(1, ALARM, (bad))",
            "ALARM(nobody)",
            "ALARM(\"bad)",
        ] {
            assert!(holds(text).is_err(), "{text:?} was accepted");
        }
    }
}
