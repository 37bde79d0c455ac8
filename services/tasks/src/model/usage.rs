//! The bounds of each user.

use super::task::Task;

/// The space that the tasks of a user take, or a change of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Tasks of all types.
    pub tasks: i64,
    /// Jobs that wait for a worker.
    pub pending: i64,
    /// Bytes of payloads and results.
    pub bytes: i64,
}

/// The most that the tasks of a user may take.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// `MAX_TASKS`: tasks of all types.
    pub tasks: i64,
    /// `MAX_PENDING`: jobs that wait for a worker.
    pub pending: i64,
    /// `MAX_BYTES`: bytes of payloads and results.
    pub bytes: i64,
}

/// The bound that a change would exceed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exceeded {
    /// Too many tasks.
    Tasks,
    /// Too many waiting jobs.
    Pending,
    /// Too many bytes.
    Bytes,
}

impl Usage {
    /// The space that a task takes.
    #[must_use]
    pub fn of(task: &Task) -> Self {
        let bytes = i64::try_from(task.bytes()).unwrap_or(i64::MAX);
        Self { tasks: 1, pending: task.is_pending_job().into(), bytes }
    }

    /// The change from one task to another one. `None` is a task that does not exist.
    #[must_use]
    pub fn change(from: Option<&Task>, to: Option<&Task>) -> Self {
        let (from, to) =
            (from.map(Self::of).unwrap_or_default(), to.map(Self::of).unwrap_or_default());
        Self {
            tasks: to.tasks - from.tasks,
            pending: to.pending - from.pending,
            bytes: to.bytes - from.bytes,
        }
    }
}

impl Bounds {
    /// Checks the usage after a change. Only a part that the change increases can exceed its bound: a user who is over
    /// a bound that an operator lowered can still delete and finish tasks.
    pub fn check(&self, after: Usage, change: Usage) -> Result<(), Exceeded> {
        let over = |after: i64, change: i64, most: i64| change > 0 && after > most;
        if over(after.tasks, change.tasks, self.tasks) {
            return Err(Exceeded::Tasks);
        }
        if over(after.pending, change.pending, self.pending) {
            return Err(Exceeded::Pending);
        }
        if over(after.bytes, change.bytes, self.bytes) {
            return Err(Exceeded::Bytes);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_increase_can_exceed_a_bound() {
        let bounds = Bounds { tasks: 2, pending: 2, bytes: 10 };
        let usage = |tasks, pending, bytes| Usage { tasks, pending, bytes };
        for (after, change, expected) in [
            (usage(2, 2, 10), usage(1, 1, 5), Ok(())),
            (usage(3, 0, 0), usage(1, 0, 0), Err(Exceeded::Tasks)),
            (usage(1, 3, 0), usage(0, 1, 0), Err(Exceeded::Pending)),
            (usage(1, 1, 11), usage(0, 0, 1), Err(Exceeded::Bytes)),
            (usage(9, 9, 99), usage(-1, -1, 0), Ok(())),
            (usage(9, 9, 99), usage(0, 0, 0), Ok(())),
        ] {
            assert_eq!(bounds.check(after, change), expected, "{after:?} {change:?}");
        }
    }
}
