//! What the checks of a run say, one line each, and how many there are. Threads share it.

use std::iter;
use std::sync::{Mutex, PoisonError};
use std::thread::{self, ScopedJoinHandle};

use crate::command::tail;
use crate::test::Counts;

/// The counts of a run.
#[derive(Debug, Default)]
pub(super) struct Report(Mutex<Counts>);

impl Report {
    pub(super) fn pass(&self, name: &str) {
        println!("ok      {name}");
        self.add(Counts { passed: 1, ..Counts::default() });
    }

    pub(super) fn fail(&self, name: &str, reason: &str) {
        // One call, so that the lines of another thread come before or behind it.
        print!("FAILED  {name}\n{}", tail(reason, 60));
        self.add(Counts { failed: 1, ..Counts::default() });
    }

    pub(super) fn skip(&self, name: &str, reason: &str) {
        println!("SKIPPED: {name}: {reason}");
        self.add(Counts { skipped: 1, ..Counts::default() });
    }

    /// A check that passes when there is no error; whether it does.
    pub(super) fn check(&self, name: &str, result: anyhow::Result<()>) -> bool {
        match result {
            Ok(()) => self.pass(name),
            Err(error) => {
                self.fail(name, &format!("{error:#}"));
                return false;
            }
        }
        true
    }

    pub(super) fn add(&self, counts: Counts) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) += counts;
    }

    pub(super) fn counts(&self) -> Counts {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Works on all items, on as many at a time as there are processors. An error ends its worker.
pub(super) fn each<T: Sync, R: Send>(
    items: &[T],
    work: impl Fn(&T) -> anyhow::Result<R> + Sync,
) -> anyhow::Result<Vec<R>> {
    let items = Mutex::new(items.iter());
    let next = || items.lock().unwrap_or_else(PoisonError::into_inner).next();
    let worker = || iter::from_fn(next).map(&work).collect::<anyhow::Result<Vec<R>>>();
    let workers = thread::available_parallelism().map_or(2, usize::from);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(worker)).collect();
        let results = workers.into_iter().map(joined).collect::<anyhow::Result<Vec<_>>>()?;
        Ok(results.into_iter().flatten().collect())
    })
}

/// The result of a thread.
pub(super) fn joined<T>(thread: ScopedJoinHandle<'_, anyhow::Result<T>>) -> anyhow::Result<T> {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// The fields of each line of a table, between `|`. `\|` is a `|` of the text.
pub(super) fn rows(table: &str) -> Vec<Vec<String>> {
    let lines = table.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let fields = |line: &str| {
        let line = line.replace("\\|", "\0");
        line.split('|').map(|field| field.trim().replace('\0', "|")).collect()
    };
    lines.map(fields).collect()
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    #[test]
    fn a_table_has_comments_and_escaped_bars() {
        assert_eq!(rows("# no\n\na | (b\\|c) | d\ne|\n"), [vec!["a", "(b|c)", "d"], vec!["e", ""]]);
    }

    #[test]
    fn every_item_is_worked_on_and_an_error_is_not_lost() {
        let mut doubled = each(&[1, 2, 3], |item| Ok(item * 2)).unwrap();
        doubled.sort_unstable();
        assert_eq!(doubled, [2, 4, 6]);
        each(&[1, 2, 3], |item| (*item < 3).then_some(0).context("three")).unwrap_err();
    }
}
