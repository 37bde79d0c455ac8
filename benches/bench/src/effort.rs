//! How much time a measurement may take.

use std::time::Duration;

/// What the sections share out among what they measure.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// Rounds in which all take turns.
    pub rounds: usize,
    /// How long one turn is.
    pub slice: Duration,
    /// The "million" of requests after which memory is looked at.
    pub many_requests: u64,
    /// How long the limiter is under load at the most.
    pub limiter: Duration,
    /// Whether the service is built from nothing.
    pub builds: bool,
}

impl Effort {
    /// What the page is made of.
    pub const FULL: Self = Self {
        rounds: 12,
        slice: Duration::from_millis(500),
        many_requests: 1_000_000,
        limiter: Duration::MAX,
        builds: true,
    };

    /// To see that everything runs. The figures mean nothing.
    pub const TINY: Self = Self {
        rounds: 2,
        slice: Duration::from_millis(200),
        many_requests: 20_000,
        limiter: Duration::from_secs(6),
        builds: false,
    };
}
