//! Reads the number of checks of a step from the summary lines of its output.

use std::fmt;
use std::ops::AddAssign;

/// Checks that passed, failed and could not run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Checks that passed.
    pub passed: u32,
    /// Checks that failed.
    pub failed: u32,
    /// Checks that could not run.
    pub skipped: u32,
}

impl Counts {
    /// Parses the last line of this repository's scripts: `3 passed, 0 failed, 1 skipped`, or the same without skips.
    pub(crate) fn from_script(line: &str) -> Option<Self> {
        let (passed, failed, skipped) = match line.split(' ').collect::<Vec<_>>()[..] {
            [passed, "passed,", failed, "failed"] => (passed, failed, "0"),
            [passed, "passed,", failed, "failed,", skipped, "skipped"] => (passed, failed, skipped),
            _ => return None,
        };
        let [passed, failed, skipped] = [passed, failed, skipped].map(|number| number.parse().ok());
        Some(Self { passed: passed?, failed: failed?, skipped: skipped? })
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

/// Parses libtest's line `test result: ok. 3 passed; 0 failed; 2 ignored; …`.
pub(super) fn from_libtest(line: &str) -> Option<Counts> {
    let fields = line.strip_prefix("test result: ")?;
    let field = |name| {
        let field = fields.split(';').find_map(|field| field.strip_suffix(name))?;
        field.trim_end().rsplit(' ').next()?.parse().ok()
    };
    Some(Counts { passed: field("passed")?, failed: field("failed")?, skipped: field("ignored")? })
}

/// The text `name: reason` of a line about a skip.
pub(super) fn skip(line: &str) -> Option<&str> {
    line.strip_prefix("SKIPPED: ")
}

/// Counts the checks of a step. The last count of a script is its total, because it includes the earlier counts. A step
/// without a count, such as a formatter, is one check.
pub fn checked(log: &str, succeeded: bool) -> Result<Counts, &'static str> {
    let skips = u32::try_from(log.lines().filter_map(skip).count()).unwrap_or(u32::MAX);
    let script = log.lines().filter_map(Counts::from_script).next_back();
    let runners: Vec<Counts> = log.lines().filter_map(from_libtest).collect();
    if script.is_none() && runners.is_empty() {
        let passed = u32::from(succeeded && skips == 0);
        return Ok(Counts { passed, failed: u32::from(!succeeded), skipped: skips });
    }
    let mut sum = script.unwrap_or_else(|| {
        let mut sum = Counts::default();
        for counts in runners {
            sum += counts;
        }
        // libtest counts a test that skipped itself as passed.
        sum.passed = sum.passed.saturating_sub(skips);
        sum.skipped += skips;
        sum
    });
    if !succeeded {
        sum.failed = sum.failed.max(1);
    } else if sum == Counts::default() {
        return Err("the step ran no checks");
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(passed: u32, failed: u32, skipped: u32) -> Counts {
        Counts { passed, failed, skipped }
    }

    #[test]
    fn counts_of_all_runners_are_added() {
        let log = "test result: ok. 3 passed; 0 failed; 2 ignored; 0 measured; 7 filtered out; finished in 0.1s\n\
                   test result: FAILED. 4 passed; 1 failed; 0 ignored; 0 measured\n";
        assert_eq!(checked(log, false), Ok(counts(7, 1, 2)));
    }

    #[test]
    fn last_count_of_a_script_is_the_total() {
        let log = "test result: FAILED. 4 passed; 1 failed; 0 ignored; 0 measured\n\
                   2 passed, 0 failed\n12 passed, 1 failed, 3 skipped\n";
        assert_eq!(checked(log, false), Ok(counts(12, 1, 3)));
    }

    #[test]
    fn similar_line_is_no_count() {
        let log = "12 passed, 1 failed, 3 skipped, 1 lost\nabout 12 passed, 1 failed\n12 passed\n";
        assert_eq!(checked(log, true), Ok(counts(1, 0, 0)));
    }

    #[test]
    fn test_that_skipped_itself_is_not_passed() {
        let log = "SKIPPED: moto: not installed\ntest result: ok. 3 passed; 0 failed; 0 ignored\n";
        assert_eq!(checked(log, true), Ok(counts(2, 0, 1)));
        let script = "SKIPPED: moto: not installed\n2 passed, 0 failed, 1 skipped\n";
        assert_eq!(checked(script, true), Ok(counts(2, 0, 1)));
    }

    #[test]
    fn step_without_a_count_is_one_check() {
        assert_eq!(checked("Checking\n", true), Ok(counts(1, 0, 0)));
        assert_eq!(checked("Checking\n", false), Ok(counts(0, 1, 0)));
        assert_eq!(checked("SKIPPED: all: not here\n", true), Ok(counts(0, 0, 1)));
    }

    #[test]
    fn step_that_fails_after_its_count_fails() {
        assert_eq!(checked("3 passed, 0 failed\n", false), Ok(counts(3, 1, 0)));
    }

    #[test]
    fn step_with_zero_checks_fails() {
        checked("test result: ok. 0 passed; 0 failed; 0 ignored\n", true).unwrap_err();
    }
}
