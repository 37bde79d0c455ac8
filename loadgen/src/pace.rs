//! The schedule of requests and the end of a run.

use std::time::{Duration, Instant};

/// The schedule of a run.
#[derive(Debug, Clone, Copy)]
pub enum Pace {
    /// Closed loop, as fast as the server answers, with this total number of requests.
    Count(u64),
    /// Closed loop, as fast as the server answers, for this time.
    Closed(Duration),
    /// Open loop, `rate` requests per second for `duration`. The thread spins, because the millisecond of a timer is
    /// longer than the measured microseconds.
    Open {
        /// Requests per second.
        rate: f64,
        /// The time in which requests are due.
        duration: Duration,
    },
    /// Like `Open`, for counts and for latencies of milliseconds. The thread sleeps for a millisecond at a time.
    Steady {
        /// Requests per second.
        rate: f64,
        /// The time in which requests are due.
        duration: Duration,
    },
    /// Open loop, `size` requests at once at the start of each `period`, for `duration`.
    Bursts {
        /// Requests at once.
        size: u32,
        /// The time from one burst to the next.
        period: Duration,
        /// The time in which bursts are due.
        duration: Duration,
    },
}

impl Pace {
    /// Whether the run sends no more requests. In an open loop every due request is sent, even late, so that the last
    /// requests of a stall count. The run ends early if the server is four times too slow.
    #[expect(clippy::cast_precision_loss, reason = "requests of a run are far below 2^52")]
    pub(crate) fn is_over(self, sent: u64, elapsed: Duration) -> bool {
        match self {
            Self::Count(count) => sent >= count,
            Self::Closed(duration) => elapsed >= duration,
            Self::Open { rate, duration } | Self::Steady { rate, duration } => {
                sent as f64 >= rate * duration.as_secs_f64() || elapsed / 4 > duration
            }
            Self::Bursts { size, period, duration } => {
                let bursts = duration.div_duration_f64(period).ceil();
                sent as f64 >= f64::from(size) * bursts || elapsed / 4 > duration
            }
        }
    }

    /// The due time of request number `sent`, from 0.
    #[expect(clippy::cast_precision_loss, reason = "requests of a run are far below 2^52")]
    pub(crate) fn due(self, sent: u64, started: Instant, now: Instant) -> Instant {
        match self {
            Self::Count(_) | Self::Closed(_) => now,
            Self::Open { rate, .. } | Self::Steady { rate, .. } => {
                started + Duration::from_secs_f64(sent as f64 / rate)
            }
            Self::Bursts { size, period, .. } => {
                started + period * u32::try_from(sent / u64::from(size)).unwrap_or(u32::MAX)
            }
        }
    }

    /// The time to wait for answers before the next check of the clock.
    pub(crate) fn wait(self) -> Duration {
        match self {
            Self::Count(_) | Self::Closed(_) => Duration::from_millis(100),
            Self::Open { .. } => Duration::ZERO,
            Self::Steady { .. } | Self::Bursts { .. } => Duration::from_millis(1),
        }
    }
}
