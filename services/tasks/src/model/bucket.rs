//! Token buckets: each request of a user takes a token, and tokens come back with time.

use super::timestamp::Timestamp;
use clap::ValueEnum;
use std::time::Duration;

/// The size of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Preset {
    /// 3 tokens, one in ten seconds
    Strict,
    /// 10 tokens, five a second
    Conservative,
    /// 20 tokens, ten a second
    Moderate,
    /// 100 tokens, fifty a second
    Generous,
}

impl Preset {
    /// The most tokens of a bucket.
    #[must_use]
    pub const fn tokens(self) -> u64 {
        match self {
            Self::Strict => 3,
            Self::Conservative => 10,
            Self::Moderate => 20,
            Self::Generous => 100,
        }
    }

    /// The tokens that come back in a window.
    #[must_use]
    pub const fn refill(self) -> (u64, Duration) {
        match self {
            Self::Strict => (1, Duration::from_secs(10)),
            Self::Conservative => (5, Duration::from_secs(1)),
            Self::Moderate => (10, Duration::from_secs(1)),
            Self::Generous => (50, Duration::from_secs(1)),
        }
    }

    /// Milliseconds for one token. It is a whole number for every preset.
    const fn millis_per_token(self) -> u64 {
        let (tokens, window) = self.refill();
        window.as_secs() * 1000 / tokens
    }
}

/// The bucket of one user. It is counted in milliseconds: a token is the time that it takes to come back. So no token is
/// lost by rounding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    /// When the bucket was or will be full.
    full_at: Timestamp,
}

impl Bucket {
    /// A full bucket.
    #[must_use]
    pub const fn full(now: Timestamp) -> Self {
        Self { full_at: now }
    }

    /// Takes `cost` tokens, or returns the time until they are there.
    pub fn take(&mut self, preset: Preset, cost: u64, now: Timestamp) -> Result<(), Duration> {
        let per_token = preset.millis_per_token();
        let all = Duration::from_millis(preset.tokens() * per_token);
        // More than all tokens are missing only if the clock was set back. The user does not wait for that time.
        self.full_at = self.full_at.min(now.after(all));
        let missing = self.full_at.since(now);
        let free = Duration::from_millis(preset.tokens().saturating_sub(cost) * per_token);
        if missing > free {
            return Err(missing.saturating_sub(free));
        }
        let taken = missing + Duration::from_millis(cost * per_token);
        self.full_at = now.after(taken);
        Ok(())
    }

    /// When it is full again. A full bucket need not be stored.
    #[must_use]
    pub const fn full_at(&self) -> Timestamp {
        self.full_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    fn at(millis: u64) -> Timestamp {
        NOW.after(Duration::from_millis(millis))
    }

    #[test]
    fn bucket_admits_its_tokens_and_then_the_refill() {
        for (preset, tokens, millis) in [
            (Preset::Strict, 3, 10_000),
            (Preset::Conservative, 10, 200),
            (Preset::Moderate, 20, 100),
            (Preset::Generous, 100, 20),
        ] {
            let mut bucket = Bucket::full(NOW);
            for _ in 0..tokens {
                assert_eq!(bucket.take(preset, 1, NOW), Ok(()));
            }
            let wait = Duration::from_millis(millis);
            assert_eq!(bucket.take(preset, 1, NOW), Err(wait), "{preset:?}");
            assert!(bucket.take(preset, 1, at(millis - 1)).is_err());
            assert_eq!(bucket.take(preset, 1, at(millis)), Ok(()));
            assert!(bucket.take(preset, 1, at(millis)).is_err(), "only one token came back");
        }
    }

    #[test]
    fn clock_that_is_set_back_costs_at_most_all_tokens() {
        let mut bucket = Bucket::full(at(3_600_000));
        let wait = Duration::from_millis(100);
        assert_eq!(bucket.take(Preset::Moderate, 1, NOW), Err(wait));
        assert_eq!(bucket.take(Preset::Moderate, 1, at(100)), Ok(()));
    }

    #[test]
    fn expensive_request_takes_several_tokens() {
        let mut bucket = Bucket::full(NOW);
        assert_eq!(bucket.take(Preset::Moderate, 18, NOW), Ok(()));
        assert_eq!(bucket.take(Preset::Moderate, 5, NOW), Err(Duration::from_millis(300)));
        assert_eq!(bucket.take(Preset::Moderate, 2, NOW), Ok(()));
        assert_eq!(bucket.full_at(), at(2000));
    }
}
