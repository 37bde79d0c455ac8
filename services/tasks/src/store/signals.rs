//! Wake-ups after changes, so that workers need not wait for their next look at the database.
//!
//! A wake-up is only a hint. It can be lost, such as with the connection that brings it from another process. The workers
//! look at the database from time to time in any case.

use tokio::sync::Notify;

/// The wake-ups of this process.
#[derive(Debug, Default)]
pub struct Signals {
    /// A job can be claimed.
    pub jobs: Notify,
    /// Somebody cancelled a job that runs.
    pub cancels: Notify,
}

/// What a wake-up is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    Jobs,
    Cancels,
}

impl Signal {
    pub(super) const ALL: [Self; 2] = [Self::Jobs, Self::Cancels];

    /// The channel between processes.
    pub(super) const fn channel(self) -> &'static str {
        match self {
            Self::Jobs => "tasks_jobs",
            Self::Cancels => "tasks_cancels",
        }
    }
}

impl Signals {
    pub(super) fn send(&self, signal: Signal) {
        match signal {
            Signal::Jobs => self.jobs.notify_one(),
            Signal::Cancels => self.cancels.notify_one(),
        }
    }
}
