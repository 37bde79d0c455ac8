//! Two jobs at once, for work that does not mind company.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Result;

/// Does every job, two at a time, and returns them in order with what came of each.
pub fn on_both_cores<J: Sync + Send, T: Send>(
    jobs: Vec<J>,
    work: impl Fn(&J) -> Result<T> + Sync,
) -> Result<Vec<(J, T)>> {
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<(usize, Result<T>)>> = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some((place, job)) = {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    jobs.get(place).map(|job| (place, job))
                } {
                    let result = work(job);
                    results.lock().expect("no job panics with the lock").push((place, result));
                }
            });
        }
    });
    let mut results = results.into_inner().expect("the threads have ended");
    results.sort_by_key(|(place, _)| *place);
    jobs.into_iter().zip(results).map(|(job, (_, result))| Ok((job, result?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_stay_with_their_jobs() {
        let done = on_both_cores((0..50).collect(), |job| Ok(job * 2)).unwrap();
        assert!(done.len() == 50 && done.iter().all(|(job, result)| job * 2 == *result));
        assert!(on_both_cores(vec![1], |_| -> Result<()> { anyhow::bail!("no") }).is_err());
    }
}
