//! Tests of the process: the real binary, real sockets, and a real PostgreSQL.

#![expect(clippy::unwrap_used, reason = "a panic makes a test fail, also in a helper of tests")]

mod backup;
mod brokers;
mod crashes;
mod database;
mod events;
mod faults;
mod follower;
mod http;
mod idempotency;
mod images;
mod limits;
mod load;
mod outages;
mod pickup;
#[cfg(feature = "redis")]
mod rotation;
mod service;
mod sessions;
mod sql;
mod starts;
mod tasks_of;
mod upgrade;
mod user;
mod worker;

use std::thread::sleep;
use std::time::{Duration, Instant};

/// Long enough for a busy machine. A passing test never waits this long.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until a condition holds, and returns the time that it took. Fails the test after `limit`.
#[track_caller]
fn until(what: &str, limit: Duration, mut condition: impl FnMut() -> bool) -> Duration {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < limit, "waited {limit:?} for {what}");
        sleep(Duration::from_millis(5));
    }
    start.elapsed()
}
