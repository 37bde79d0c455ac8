//! Waiting for a condition, never for a time.

use std::thread::sleep;
use std::time::{Duration, Instant};

/// For anything that happens at once on an idle machine. Tests run on contended ones.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Looks every few milliseconds until `condition` gives a value; `None` when `limit` passes first.
pub fn poll<T>(limit: Duration, mut condition: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(value) = condition() {
            return Some(value);
        }
        if Instant::now() >= deadline {
            return None;
        }
        sleep(Duration::from_millis(2));
    }
}

/// Waits until `condition` holds, and fails the test when it does not within [`PATIENCE`].
pub fn until(what: &str, mut condition: impl FnMut() -> bool) {
    assert!(
        poll(PATIENCE, || condition().then_some(())).is_some(),
        "waited {PATIENCE:?} for {what}"
    );
}
