//! Work that a user may do only once at a time, in this process.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

/// The work that runs now.
#[derive(Debug)]
pub struct Exclusive<K>(Arc<Mutex<HashSet<K>>>);

/// Ends the work when it is dropped, also if the request is cancelled.
#[derive(Debug)]
pub struct Running<K: Eq + Hash> {
    all: Arc<Mutex<HashSet<K>>>,
    key: K,
}

impl<K> Default for Exclusive<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K: Eq + Hash + Clone> Exclusive<K> {
    /// Begins work. `None` if the same work runs already.
    #[must_use]
    pub fn begin(&self, key: &K) -> Option<Running<K>> {
        let is_new = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone());
        is_new.then(|| Running { all: Arc::clone(&self.0), key: key.clone() })
    }
}

impl<K: Eq + Hash> Drop for Running<K> {
    fn drop(&mut self) {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_runs_once_at_a_time() {
        let work = Exclusive::default();
        let one = work.begin(&1);
        assert!(one.is_some());
        assert!(work.begin(&1).is_none());
        assert!(work.begin(&2).is_some());
        drop(one);
        assert!(work.begin(&1).is_some());
    }
}
