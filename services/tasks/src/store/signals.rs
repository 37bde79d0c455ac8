//! Wake-ups after changes, so that workers and streams need not wait for their next look at the database.
//!
//! A wake-up is only a hint. It can be lost, such as with the connection that brings it from another process. Workers and
//! streams look at the database from time to time in any case.

use crate::model::session::{Session, SessionId};
use crate::model::user::UserId;
use tokio::sync::{Notify, broadcast};

/// The news that a slow reader may leave waiting. It misses older ones.
const WAITING: usize = 1024;

/// The wake-ups of this process.
#[derive(Debug)]
pub struct Signals {
    /// A job can be claimed.
    pub jobs: Notify,
    /// Somebody cancelled a job that runs.
    pub cancels: Notify,
    news: broadcast::Sender<News>,
}

impl Default for Signals {
    fn default() -> Self {
        let (jobs, cancels) = (Notify::new(), Notify::new());
        Self { jobs, cancels, news: broadcast::Sender::new(WAITING) }
    }
}

/// The number of the last event of each of these users.
pub type LastNumbers = Vec<(UserId, i64)>;

/// The news for streams.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// This process has committed events.
    Committed(LastNumbers),
    /// Another process has committed events.
    CommittedElsewhere(LastNumbers),
    /// A session has ended.
    SessionEnded(SessionId),
    /// All sessions of a user have ended, except one.
    SessionsEnded(UserId, Option<SessionId>),
}

/// The reason of a wake-up of the workers.
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

    /// The news from now on.
    #[must_use]
    pub fn news(&self) -> broadcast::Receiver<News> {
        self.news.subscribe()
    }

    /// After a commit of this process.
    pub(super) fn committed(&self, numbers: LastNumbers) {
        if !numbers.is_empty() {
            self.tell(News::Committed(numbers));
        }
    }

    pub(super) fn session_ended(&self, session: &Session) {
        self.tell(News::SessionEnded(session.id));
    }

    /// Without a receiver, nobody needs the news.
    pub(super) fn tell(&self, news: News) {
        drop(self.news.send(news));
    }
}
