//! The lock of a database file: one process serves it at a time.

use super::{StoreError, create, file_failure};
use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// The time between two attempts.
const POLL: Duration = Duration::from_millis(50);

/// An exclusive `flock` on a database file. SQLite uses `fcntl` locks, which are independent of it.
///
/// Acquire it before the database is opened, and give it to the store: when a process closes any descriptor of a file,
/// it loses its `fcntl` locks on this file.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Locks a file. Creates a missing file. Waits up to `wait` for another process.
    pub async fn acquire(path: &Path, wait: Duration) -> Result<Self, StoreError> {
        let failure = |error| file_failure(path, &error);
        create(path).map_err(failure)?;
        let file = OpenOptions::new().read(true).write(true).open(path).map_err(failure)?;
        let deadline = Instant::now() + wait;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::Error(error)) => return Err(failure(error)),
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => sleep(POLL).await,
                Err(TryLockError::WouldBlock) => {
                    return Err(StoreError::Away(format!(
                        "another process uses {}. Stop it, or use PostgreSQL to run several processes",
                        path.display()
                    )));
                }
            }
        }
    }
}
