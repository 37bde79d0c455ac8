//! The name of an environment. Resource names and file names contain it, so it is checked first.

use std::fmt;
use std::str::FromStr;

use anyhow::ensure;

/// The default environment.
pub(super) const DEFAULT: &str = "production";

/// 1 to 11 of a-z, 0-9 and single hyphens, as in the variable `environment` of terraform/. The name `shared` is taken:
/// terraform/bootstrap uses it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment(String);

impl Environment {
    /// The name.
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

    /// An empty text gives the default, because a workflow passes a missing input as an empty text.
    fn from_str(text: &str) -> anyhow::Result<Self> {
        let text = if text.is_empty() { DEFAULT } else { text };
        let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let word = |word: &str| !word.is_empty() && word.chars().all(letter);
        ensure!(
            text.len() <= 11 && text.split('-').all(word) && text != "shared",
            "the environment {text:?} is invalid: expected 1 to 11 of a-z, 0-9 and single hyphens, and not `shared`"
        );
        Ok(Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_environment_names_are_refused() {
        for (text, name) in [("", "production"), ("staging", "staging"), ("eu-2", "eu-2")] {
            assert_eq!(text.parse::<Environment>().unwrap().as_str(), name);
        }
        for text in ["Production", "a--b", "-a", "a/b", "../a", "shared", "twelve-chars"] {
            assert!(text.parse::<Environment>().is_err(), "{text}");
        }
    }
}
