//! Asks a person for values. Each answer is checked immediately. The caller writes it to a file, so it is asked once.
//!
//! Without a terminal it asks nothing. One message then lists all values that neither a flag nor a variable gives.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use anyhow::Context as _;

use super::Refused;

/// The answer that leaves a value out.
pub(super) const NONE: &str = "none";

/// Asks questions and counts them.
#[derive(Debug)]
pub(super) struct Asker {
    terminal: bool,
    asked: u32,
    missing: Vec<String>,
}

/// A value that a person must choose.
#[derive(Debug, Clone, Copy)]
pub(super) struct Question<'a> {
    /// The environment variable that gives the value.
    pub(super) variable: &'a str,
    /// The question.
    pub(super) text: &'a str,
    /// The value of an empty answer on a terminal.
    pub(super) suggested: Option<&'a str>,
    /// Whether the suggestion is used without a terminal too.
    pub(super) optional: bool,
}

impl Default for Asker {
    fn default() -> Self {
        Self { terminal: std::io::stdin().is_terminal(), asked: 0, missing: Vec::new() }
    }
}

impl Asker {
    /// The number of questions so far.
    pub(super) fn asked(&self) -> u32 {
        self.asked
    }

    /// The checked value; `None` when it is missing, and then [`Asker::finish`] fails.
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

    /// Fails with a list of all missing values.
    pub(super) fn finish(&self) -> anyhow::Result<()> {
        if self.missing.is_empty() {
            return Ok(());
        }
        let missing = self.missing.join("\n  ");
        Err(Refused(format!("values are missing, and there is no terminal to ask on. Set these variables:\n  {missing}"))
            .into())
    }

    /// Whether the person confirms with exactly this word.
    pub(super) fn confirms(&mut self, text: &str, word: &str, given: &str) -> anyhow::Result<bool> {
        if !given.is_empty() {
            return Ok(given == word);
        }
        if !self.terminal {
            self.missing.push(format!("CONFIRM: {text} Set it to {word:?} to confirm"));
            self.finish()?;
        }
        Ok(self.read(&format!("{text} Type \"{word}\" to confirm"), None)? == word)
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
    fn missing_values_are_listed_without_a_terminal() {
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
    fn only_the_exact_word_confirms() {
        let mut asker = Asker { terminal: false, asked: 0, missing: Vec::new() };
        assert!(asker.confirms("Apply?", "yes", "yes").unwrap());
        for given in ["y", "Yes", "no", " yes"] {
            assert!(!asker.confirms("Apply?", "yes", given).unwrap(), "{given}");
        }
        let error = asker.confirms("Apply?", "yes", "").unwrap_err();
        assert!(
            error.to_string().contains("CONFIRM: Apply? Set it to \"yes\" to confirm"),
            "{error}"
        );
    }
}
