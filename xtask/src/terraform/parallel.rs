//! Processes several items in parallel.

use std::iter;
use std::sync::{Mutex, PoisonError};
use std::thread::{self, ScopedJoinHandle};

/// Processes all items with one thread per processor. An error ends its thread.
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

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    #[test]
    fn each_processes_every_item_and_returns_errors() {
        let mut doubled = each(&[1, 2, 3], |item| Ok(item * 2)).unwrap();
        doubled.sort_unstable();
        assert_eq!(doubled, [2, 4, 6]);
        each(&[1, 2, 3], |item| (*item < 3).then_some(0).context("three")).unwrap_err();
    }
}
