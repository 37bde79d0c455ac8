//! Limits of failed logins: five in 15 minutes for a name and address, a hundred in an hour for a name.
//!
//! An attempt counts as failed from its beginning, so that attempts at the same time cannot exceed a limit. A success
//! resets both counts. An unknown name counts like a known one.

use super::bounded::{Bounded, Entry};
use crate::model::attempts::{Attempts, Window};
use crate::model::timestamp::Timestamp;
use crate::model::user::Username;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// For one name and one address.
pub const FOR_NAME_AND_ADDRESS: Window = Window { most: 5, period: Duration::from_mins(15) };
/// For one name, from all addresses.
pub const FOR_NAME: Window = Window { most: 100, period: Duration::from_hours(1) };
/// The most counters of each kind. A counter of a name and an address takes about 200 bytes.
const MOST_COUNTERS: usize = 10_000;

#[derive(Debug)]
struct Counter {
    attempts: Attempts,
    window: Window,
}

impl Counter {
    const fn new(attempts: Attempts, window: Window) -> Self {
        Self { attempts, window }
    }
}

impl Entry for Counter {
    fn ends_at(&self) -> Timestamp {
        let last = self.attempts.last().unwrap_or(Timestamp::from_millis(0));
        last.after(self.window.period)
    }
}

#[derive(Debug)]
struct Counters {
    by_name_and_address: Bounded<(Username, IpAddr), Counter>,
    by_name: Bounded<Username, Counter>,
}

/// The failed logins of all names.
#[derive(Debug)]
pub struct FailedLogins(Mutex<Counters>);

/// An attempt to log in, which counts as failed.
#[derive(Debug)]
pub struct Attempt {
    key: (Username, IpAddr),
    at: Timestamp,
}

impl Default for FailedLogins {
    fn default() -> Self {
        Self(Mutex::new(Counters {
            by_name_and_address: Bounded::new(MOST_COUNTERS),
            by_name: Bounded::new(MOST_COUNTERS),
        }))
    }
}

impl FailedLogins {
    /// Begins an attempt, or returns the time until one is admitted.
    pub fn begin(
        &self,
        name: &Username,
        address: IpAddr,
        now: Timestamp,
    ) -> Result<Attempt, Duration> {
        let mut counters = self.counters();
        let key = (name.clone(), address);
        let wait = |counter: Option<&Counter>| {
            counter.map_or(Duration::ZERO, |counter| counter.attempts.wait(counter.window, now))
        };
        let wait =
            wait(counters.by_name_and_address.get(&key)).max(wait(counters.by_name.get(name)));
        if !wait.is_zero() {
            return Err(wait);
        }
        let make = |window| move || Counter::new(Attempts::default(), window);
        let both = counters.by_name_and_address.entry(&key, now, make(FOR_NAME_AND_ADDRESS));
        both.attempts.add(both.window, now);
        let one = counters.by_name.entry(name, now, make(FOR_NAME));
        one.attempts.add(one.window, now);
        Ok(Attempt { key, at: now })
    }

    /// The password was correct.
    pub fn succeeded(&self, attempt: &Attempt) {
        let mut counters = self.counters();
        counters.by_name_and_address.remove(&attempt.key);
        counters.by_name.remove(&attempt.key.0);
    }

    /// The password was not compared.
    pub fn not_made(&self, attempt: &Attempt) {
        let mut counters = self.counters();
        if let Some(counter) = counters.by_name_and_address.get_mut(&attempt.key) {
            counter.attempts.remove(attempt.at);
        }
        if let Some(counter) = counters.by_name.get_mut(&attempt.key.0) {
            counter.attempts.remove(attempt.at);
        }
    }

    /// The number of counters.
    #[must_use]
    pub fn len(&self) -> usize {
        let counters = self.counters();
        counters.by_name_and_address.len() + counters.by_name.len()
    }

    /// Whether no login has failed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn counters(&self) -> MutexGuard<'_, Counters> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    fn after(seconds: u64) -> Timestamp {
        NOW.after(Duration::from_secs(seconds))
    }

    fn name(name: &str) -> Username {
        Username::parse(name).unwrap()
    }

    fn address(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    #[test]
    fn sixth_attempt_of_a_name_and_address_waits_for_the_first() {
        let failed = FailedLogins::default();
        for second in 0..5 {
            failed.begin(&name("ada"), address(1), after(second)).unwrap();
        }
        let wait = failed.begin(&name("ada"), address(1), after(5)).unwrap_err();
        assert_eq!(wait, Duration::from_secs(15 * 60 - 5));
        assert!(failed.begin(&name("ada"), address(2), after(5)).is_ok(), "another address");
        assert!(failed.begin(&name("grace"), address(1), after(5)).is_ok(), "another name");
        assert!(failed.begin(&name("ada"), address(1), after(15 * 60)).is_ok());
    }

    #[test]
    fn hundred_and_first_attempt_of_a_name_waits_for_an_hour() {
        let failed = FailedLogins::default();
        for number in 0..100 {
            failed.begin(&name("ada"), address(number), NOW).unwrap();
        }
        let wait = failed.begin(&name("ada"), address(200), after(60)).unwrap_err();
        assert_eq!(wait, Duration::from_mins(59));
        assert!(failed.begin(&name("ada"), address(200), after(3600)).is_ok());
    }

    #[test]
    fn success_resets_both_counts() {
        let failed = FailedLogins::default();
        for _ in 0..4 {
            failed.begin(&name("ada"), address(1), NOW).unwrap();
        }
        let fifth = failed.begin(&name("ada"), address(1), NOW).unwrap();
        failed.succeeded(&fifth);
        assert!(failed.is_empty());
    }

    #[test]
    fn attempt_that_was_not_made_does_not_count() {
        let failed = FailedLogins::default();
        for _ in 0..20 {
            let attempt = failed.begin(&name("ada"), address(1), NOW).unwrap();
            failed.not_made(&attempt);
        }
    }

    #[test]
    fn number_of_counters_is_bounded() {
        let failed = FailedLogins::default();
        for number in 0..25_000 {
            failed.begin(&name(&format!("u{number:05}")), address(1), NOW).unwrap();
        }
        assert!(failed.len() <= 2 * MOST_COUNTERS, "{}", failed.len());
    }
}
