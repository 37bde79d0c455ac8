//! Runs two jobs at once, for work that parallel load does not change.

use anyhow::Result;

/// Runs all jobs, two at a time, and returns their results in order.
pub fn on_both_cores<J: Sync, T: Send>(
    jobs: &[J],
    work: impl Fn(&J) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let every_other = |first| jobs.iter().skip(first).step_by(2).map(&work).collect();
    let (even, odd): (Result<Vec<T>>, Result<Vec<T>>) = std::thread::scope(|scope| {
        let odd = scope.spawn(|| every_other(1));
        (every_other(0), odd.join().expect("a job does not panic"))
    });
    let mut both = [even?.into_iter(), odd?.into_iter()];
    Ok((0..jobs.len()).filter_map(|place| both[place % 2].next()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_stay_with_their_jobs() {
        let jobs: Vec<u32> = (0..51).collect();
        let done = on_both_cores(&jobs, |job| Ok(job * 2)).unwrap();
        assert_eq!(done, jobs.iter().map(|job| job * 2).collect::<Vec<_>>());
        assert!(on_both_cores(&[1], |_| -> Result<()> { anyhow::bail!("no") }).is_err());
    }
}
