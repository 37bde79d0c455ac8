//! Waits for a condition instead of a fixed time.

use std::thread::sleep;
use std::time::{Duration, Instant};

/// The time limit for events that are immediate on an idle machine. Test machines are often busy.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Evaluates `condition` every 2 ms until it returns a value. Returns `None` after `limit`.
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

/// Waits until `condition` holds. Fails the test after [`PATIENCE`].
pub fn until(what: &str, mut condition: impl FnMut() -> bool) {
    assert!(
        poll(PATIENCE, || condition().then_some(())).is_some(),
        "waited {PATIENCE:?} for {what}"
    );
}
