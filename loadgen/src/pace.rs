//! When requests are sent, and when a run ends.

use std::time::{Duration, Instant};

/// The schedule of a run.
#[derive(Debug, Clone, Copy)]
pub enum Pace {
    /// Closed loop, as fast as answers come, this many in all.
    Count(u64),
    /// Closed loop, as fast as answers come, for so long.
    Closed(Duration),
    /// Open loop, so many requests a second, for so long. The thread spins: a timer's millisecond is more than the
    /// microseconds that are measured.
    Open {
        /// Requests a second.
        rate: f64,
        /// How long requests are due.
        duration: Duration,
    },
    /// The same for counts and for latencies of milliseconds: the thread sleeps for a millisecond at a time.
    Steady {
        /// Requests a second.
        rate: f64,
        /// How long requests are due.
        duration: Duration,
    },
    /// Open loop, so many at once, then nothing until `period` is over, for so long.
    Bursts {
        /// Requests at once.
        size: u32,
        /// From one burst to the next.
        period: Duration,
        /// How long bursts are due.
        duration: Duration,
    },
}

impl Pace {
    /// Whether nothing more is to be sent. A request that was due in an open loop is sent, however late: the last requests
    /// of a stall must not go missing. A server that is four times too slow is given up.
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

    /// When request number `sent`, from 0, is due.
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

    /// How long to wait for answers before looking at the clock again.
    pub(crate) fn wait(self) -> Duration {
        match self {
            Self::Count(_) | Self::Closed(_) => Duration::from_millis(100),
            Self::Open { .. } => Duration::ZERO,
            Self::Steady { .. } | Self::Bursts { .. } => Duration::from_millis(1),
        }
    }
}
