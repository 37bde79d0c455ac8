//! The name of an environment. It is part of every resource's name and of file names, so it is checked first.

use std::fmt;
use std::str::FromStr;

use anyhow::ensure;

/// The environment when nobody names one.
pub(super) const DEFAULT: &str = "production";

/// 1 to 11 of a-z, 0-9 and single hyphens, as the variable `environment` of terraform/. `shared` is the name of what
/// terraform/bootstrap makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment(String);

impl Environment {
    /// As it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Environment {
    type Err = anyhow::Error;

    /// An empty text is the default: a workflow passes an input that nobody gave.
    fn from_str(text: &str) -> anyhow::Result<Self> {
        let text = if text.is_empty() { DEFAULT } else { text };
        let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let word = |word: &str| !word.is_empty() && word.chars().all(letter);
        ensure!(
            text.len() <= 11 && text.split('-').all(word) && text != "shared",
            "an environment is 1 to 11 of a-z, 0-9 and single hyphens, and is not `shared`"
        );
        Ok(Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_that_terraform_takes() {
        for (text, name) in [("", "production"), ("staging", "staging"), ("eu-2", "eu-2")] {
            assert_eq!(text.parse::<Environment>().unwrap().as_str(), name);
        }
        for text in ["Production", "a--b", "-a", "a/b", "../a", "shared", "twelve-chars"] {
            assert!(text.parse::<Environment>().is_err(), "{text}");
        }
    }
}
