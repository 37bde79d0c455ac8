//! The values that a person types. Each is checked at once, and asked for once: the answer goes into a file.
//!
//! Without a terminal nothing is asked. What no flag and no variable gives is missing, and one message lists all of it.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use anyhow::Context as _;

use super::Refused;

/// The answer for a value that is not wanted.
pub(super) const NONE: &str = "none";

/// Asks, and counts.
#[derive(Debug)]
pub(super) struct Asker {
    terminal: bool,
    asked: u32,
    missing: Vec<String>,
}

/// A value that somebody has to decide.
#[derive(Debug, Clone, Copy)]
pub(super) struct Question<'a> {
    /// The variable of the environment that gives it.
    pub(super) variable: &'a str,
    /// What it is.
    pub(super) text: &'a str,
    /// What an empty answer means on a terminal.
    pub(super) suggested: Option<&'a str>,
    /// Whether the suggestion counts without a terminal too.
    pub(super) optional: bool,
}

impl Default for Asker {
    fn default() -> Self {
        Self { terminal: std::io::stdin().is_terminal(), asked: 0, missing: Vec::new() }
    }
}

impl Asker {
    /// How often a person was asked.
    pub(super) fn asked(&self) -> u32 {
        self.asked
    }

    /// The checked value, or nothing when it is missing: [`Asker::finish`] then fails.
    pub(super) fn value<T>(
        &mut self,
        question: Question<'_>,
        given: &str,
        check: impl Fn(&str) -> anyhow::Result<T>,
    ) -> anyhow::Result<Option<T>> {
        let Question { variable, text, suggested, optional } = question;
        if !given.is_empty() {
            return check(given).with_context(|| format!("{variable}={given}")).map(Some);
        }
        if !self.terminal {
            if let Some(suggested) = suggested.filter(|_| optional) {
                return check(suggested).map(Some);
            }
            self.missing.push(format!("{variable}: {text}"));
            return Ok(None);
        }
        loop {
            let answer = self.read(text, suggested)?;
            let answer = if answer.is_empty() { suggested.unwrap_or_default() } else { &answer };
            match check(answer) {
                Ok(value) => return Ok(Some(value)),
                Err(error) => println!("  {error:#}"),
            }
        }
    }

    /// Fails with everything that is missing.
    pub(super) fn finish(&self) -> anyhow::Result<()> {
        if self.missing.is_empty() {
            return Ok(());
        }
        let missing = self.missing.join("\n  ");
        Err(Refused(format!("there is no terminal to ask on. Set these variables:\n  {missing}"))
            .into())
    }

    /// Whether a person confirms with exactly this word.
    pub(super) fn confirms(&mut self, text: &str, word: &str, given: &str) -> anyhow::Result<bool> {
        if !given.is_empty() {
            return Ok(given == word);
        }
        if !self.terminal {
            self.missing.push(format!("CONFIRM: {text} Only {word:?} does"));
            self.finish()?;
        }
        Ok(self.read(&format!("{text} Only \"{word}\" does"), None)? == word)
    }

    fn read(&mut self, text: &str, suggested: Option<&str>) -> anyhow::Result<String> {
        let hint = suggested.map(|suggested| format!(" [{suggested}]")).unwrap_or_default();
        print!("{text}{hint}: ");
        std::io::stdout().flush()?;
        self.asked += 1;
        let mut line = String::new();
        let read = std::io::stdin().lock().read_line(&mut line)?;
        anyhow::ensure!(read > 0, "the terminal was closed");
        Ok(line.trim().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> anyhow::Result<u8> {
        text.parse().context("expected a number")
    }

    #[test]
    fn without_a_terminal_everything_that_is_missing_is_listed() {
        let mut asker = Asker { terminal: false, asked: 0, missing: Vec::new() };
        let one =
            Question { variable: "ONE", text: "the first", suggested: Some("1"), optional: false };
        let two = Question { variable: "TWO", text: "the second", ..one };
        let three = Question { variable: "THREE", optional: true, ..one };
        assert_eq!(asker.value(one, "", number).unwrap(), None);
        assert_eq!(asker.value(two, "", number).unwrap(), None);
        assert_eq!(asker.value(three, "", number).unwrap(), Some(1));
        assert_eq!(asker.value(one, "7", number).unwrap(), Some(7));
        let wrong = format!("{:#}", asker.value(one, "x", number).unwrap_err());
        assert!(wrong.starts_with("ONE=x: expected a number"), "{wrong}");
        let error = asker.finish().unwrap_err();
        assert!(error.is::<Refused>());
        assert!(error.to_string().ends_with("\n  ONE: the first\n  TWO: the second"), "{error}");
        assert_eq!(asker.asked(), 0);
    }

    #[test]
    fn only_the_word_confirms() {
        let mut asker = Asker { terminal: false, asked: 0, missing: Vec::new() };
        assert!(asker.confirms("Apply?", "yes", "yes").unwrap());
        for given in ["y", "Yes", "no", " yes"] {
            assert!(!asker.confirms("Apply?", "yes", given).unwrap(), "{given}");
        }
        let error = asker.confirms("Apply?", "yes", "").unwrap_err();
        assert!(error.to_string().contains("CONFIRM: Apply? Only \"yes\" does"), "{error}");
    }
}
