//! A map with a bound, for state that strangers create.
//!
//! When the map is full, it forgets the entries that have no effect any more, and then the oldest ones. An attacker who
//! creates entries can therefore push out older entries, but can never use more memory.

use crate::model::timestamp::Timestamp;
use std::cmp::Ordering;
use std::collections::HashMap;
use std::hash::Hash;

/// A value with an age.
pub trait Entry {
    /// From this time on, the entry has no effect.
    fn ends_at(&self) -> Timestamp;
}

/// A map of at most `most` entries.
#[derive(Debug)]
pub struct Bounded<K, V> {
    entries: HashMap<K, V>,
    most: usize,
}

impl<K: Hash + Eq + Clone, V: Entry> Bounded<K, V> {
    /// An empty map.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { entries: HashMap::new(), most }
    }

    /// The entry of a key, if it is there.
    #[must_use]
    pub fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(key)
    }

    /// The entry of a key. Makes it, and room for it, if it is not there.
    pub fn entry(&mut self, key: &K, now: Timestamp, make: impl FnOnce() -> V) -> &mut V {
        if !self.entries.contains_key(key) {
            self.make_room(now);
        }
        self.entries.entry(key.clone()).or_insert_with(make)
    }

    /// The entry of a key, for a change.
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.entries.get_mut(key)
    }

    /// Forgets an entry.
    pub fn remove(&mut self, key: &K) {
        self.entries.remove(key);
    }

    /// The number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Removes an eighth at once, so that a flood of new keys does not scan the map for each of them.
    fn make_room(&mut self, now: Timestamp) {
        if self.entries.len() < self.most {
            return;
        }
        self.entries.retain(|_, entry| entry.ends_at() > now);
        if self.entries.len() < self.most {
            return;
        }
        let mut ends: Vec<Timestamp> = self.entries.values().map(Entry::ends_at).collect();
        let eighth = self.most / 8;
        let (earlier, last, _) = ends.select_nth_unstable(eighth);
        let last = *last;
        // Many entries can end at this time. Only the rest of the eighth goes.
        let mut rest = eighth + 1 - earlier.iter().filter(|end| **end < last).count();
        self.entries.retain(|_, entry| match entry.ends_at().cmp(&last) {
            Ordering::Less => false,
            Ordering::Equal if rest > 0 => {
                rest -= 1;
                false
            }
            Ordering::Equal | Ordering::Greater => true,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Entry for Timestamp {
        fn ends_at(&self) -> Timestamp {
            *self
        }
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn oldest_entry_goes_before_others_that_end_together() {
        // The order of the entries is different in each map.
        for _ in 0..20 {
            let mut map = Bounded::new(16);
            for key in 0..16 {
                map.entry(&key, at(0), || at(if key == 7 { 10 } else { 11 }));
            }
            map.entry(&100, at(0), || at(12));
            assert!(map.get(&7).is_none());
            assert_eq!(map.len(), 14);
        }
    }

    #[test]
    fn full_map_forgets_ended_entries_first_and_then_the_oldest() {
        let mut map = Bounded::new(16);
        for key in 0..16 {
            map.entry(&key, at(0), || at(if key < 4 { 10 } else { 1000 + key }));
        }
        map.entry(&100, at(20), || at(2000));
        assert_eq!(map.len(), 13, "the four ended entries are gone");
        for key in 101..104 {
            map.entry(&key, at(20), || at(2000));
        }
        map.entry(&200, at(20), || at(3000));
        assert_eq!(map.len(), 14, "three of 16 are gone");
        assert!(map.get(&4).is_none() && map.get(&7).is_some());
    }

    #[test]
    fn flood_never_exceeds_the_bound() {
        let mut map = Bounded::new(64);
        for key in 0..10_000 {
            map.entry(&key, at(0), || at(1));
            assert!(map.len() <= 64);
        }
    }
}
