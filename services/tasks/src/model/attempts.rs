//! Counts attempts in a sliding window, such as failed logins.

use super::timestamp::Timestamp;
use std::collections::VecDeque;
use std::time::Duration;

/// The most attempts in a period.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    /// The number of attempts.
    pub most: usize,
    /// The period.
    pub period: Duration,
}

/// The times of the last attempts, at most as many as the window admits.
#[derive(Debug, Clone, Default)]
pub struct Attempts(VecDeque<Timestamp>);

impl Attempts {
    /// The time until the next attempt is admitted: zero if it is admitted now.
    #[must_use]
    pub fn wait(&self, window: Window, now: Timestamp) -> Duration {
        let recent = self.0.iter().filter(|at| now.since(**at) < window.period).count();
        if recent < window.most {
            return Duration::ZERO;
        }
        let oldest = self.0[self.0.len() - window.most];
        window.period.saturating_sub(now.since(oldest))
    }

    /// Adds an attempt.
    pub fn add(&mut self, window: Window, now: Timestamp) {
        while self.0.len() >= window.most {
            self.0.pop_front();
        }
        self.0.push_back(now);
    }

    /// Removes the attempt that was added at this time, because it did not take place.
    pub fn remove(&mut self, at: Timestamp) {
        if let Some(place) = self.0.iter().rposition(|known| *known == at) {
            self.0.remove(place);
        }
    }

    /// The time of the last attempt.
    #[must_use]
    pub fn last(&self) -> Option<Timestamp> {
        self.0.back().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn window_slides() {
        let window = Window { most: 3, period: Duration::from_secs(10) };
        let at = |seconds: i64| Timestamp::from_millis(1_800_000_000_000 + seconds * 1000);
        let mut attempts = Attempts::default();
        for second in [0, 4, 8] {
            assert_eq!(attempts.wait(window, at(second)), Duration::ZERO);
            attempts.add(window, at(second));
        }
        assert_eq!(attempts.wait(window, at(8)), Duration::from_secs(2));
        assert_eq!(attempts.wait(window, at(10)), Duration::ZERO);
        attempts.add(window, at(10));
        assert_eq!(attempts.wait(window, at(10)), Duration::from_secs(4));
        attempts.remove(at(10));
        assert_eq!(attempts.wait(window, at(10)), Duration::ZERO);
        assert_eq!(attempts.last(), Some(at(8)));
    }
}
