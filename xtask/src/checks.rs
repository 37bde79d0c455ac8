//! The checks of a command: one line per check, and a last line with the counts for `make test`. Threads can share it.

use std::fmt::Debug;
use std::io::Write as _;
use std::sync::{Mutex, PoisonError};

use anyhow::ensure;

use crate::command::tail;
use crate::test::Counts;

/// Counts checks, and prints each when it ends.
#[derive(Debug)]
pub struct Checks {
    counts: Mutex<Counts>,
    print: fn(&str),
}

impl Default for Checks {
    fn default() -> Self {
        Self { counts: Mutex::default(), print }
    }
}

impl Checks {
    /// Runs `check` and prints the result. Prints the end of the error on failure. Returns whether it passed.
    pub fn check<T>(
        &self,
        name: impl AsRef<str>,
        check: impl FnOnce() -> anyhow::Result<T>,
    ) -> bool {
        let result = check();
        match &result {
            Ok(_) => self.pass(name.as_ref(), 1),
            Err(error) => self.fail(name.as_ref(), &format!("{error:#}")),
        }
        result.is_ok()
    }

    /// Counts `checks` that passed under one name.
    pub fn pass(&self, name: &str, checks: u32) {
        self.add(Counts { passed: checks, ..Counts::default() });
        (self.print)(&format!("ok      {name}\n"));
    }

    /// Counts a check that failed.
    pub fn fail(&self, name: &str, reason: &str) {
        self.add(Counts { failed: 1, ..Counts::default() });
        (self.print)(&format!("FAILED  {name}\n{}", tail(reason, 60)));
    }

    /// Counts `checks` that cannot run. `reason` names them.
    pub fn skip(&self, reason: &str, checks: u32) {
        self.add(Counts { skipped: checks, ..Counts::default() });
        (self.print)(&format!("SKIPPED: {reason}\n"));
    }

    /// Adds the counts of another runner, which printed its own lines.
    pub fn add(&self, counts: Counts) {
        *self.counts.lock().unwrap_or_else(PoisonError::into_inner) += counts;
    }

    /// The counts so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        *self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Prints the last line. Returns whether all checks passed.
    #[must_use]
    pub fn finish(&self) -> bool {
        (self.print)(&format!("{}\n", self.counts()));
        self.counts().failed == 0
    }
}

/// Fails with both values if they differ.
pub fn equal<T: PartialEq<U> + Debug + ?Sized, U: Debug + ?Sized>(
    expected: &T,
    found: &U,
) -> anyhow::Result<()> {
    ensure!(expected == found, "expected: {expected:?}\nfound:    {found:?}");
    Ok(())
}

/// Prints the text in one write, because several threads can print.
fn print(text: &str) {
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;

    #[test]
    fn failed_check_is_counted_as_failed() {
        // These lines must not count as checks of the step that runs this test.
        let checks = Checks { print: |_| (), ..Checks::default() };
        assert!(checks.check("good", || Ok(())));
        assert!(checks.finish());
        assert!(!checks.check("bad", || -> anyhow::Result<()> { bail!("seeded") }));
        checks.skip("containers: no engine", 2);
        checks.add(Counts { passed: 3, failed: 0, skipped: 0 });
        assert_eq!(checks.counts(), Counts { passed: 4, failed: 1, skipped: 2 });
        assert!(!checks.finish());
    }
}
