//! The wake-ups of the claims: from the database, or from a broker.

use crate::broker::{Broker, Message};
use crate::store::Store;
use chassis::readiness::Condition;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// The time between two looks at the queue without a message. It finds the jobs whose messages were lost.
const SWEEP: Duration = Duration::from_secs(5);
/// The pause after a failure of the broker. Until it is back, workers look at the queue this often.
const AWAY: Duration = Duration::from_secs(1);

/// The connection of a process to a broker.
#[derive(Debug, Clone)]
pub struct Line {
    /// The broker.
    pub broker: Arc<dyn Broker>,
    /// Whether it answered last.
    pub condition: Condition,
}

impl Line {
    /// Records whether the broker has answered. The first failure in a row has a line in the log.
    pub(super) fn note<T>(
        &self,
        step: &str,
        result: Result<T, crate::broker::BrokerError>,
    ) -> Option<T> {
        if let Err(error) = &result
            && self.condition.is_ok()
        {
            tracing::warn!(cause = %error, step, "broker is away");
        }
        self.condition.note(result.is_ok());
        result.ok()
    }
}

/// The source of wake-ups.
pub(super) enum Feed {
    /// The database and this process. The number is the time between two looks without a wake-up.
    Database(Arc<dyn Store>, Duration),
    /// A broker.
    Broker(Line),
}

impl Feed {
    /// Waits for a reason to look at the queue. `busy`: the last look has found a job, so the next one follows at once, with
    /// a message if there is one.
    pub(super) async fn next(&self, busy: bool) -> Option<Message> {
        match self {
            Self::Database(..) if busy => None,
            Self::Database(store, poll) => {
                // A wake-up that came before is kept.
                let _ = timeout(*poll, store.signals().jobs.notified()).await;
                None
            }
            Self::Broker(line) => {
                let wait = if busy { Duration::ZERO } else { SWEEP };
                let received = line.note("receive", line.broker.receive(wait).await);
                if received.is_none() && !busy {
                    sleep(AWAY).await;
                }
                received.flatten()
            }
        }
    }

    /// Removes a message.
    pub(super) async fn done(&self, message: Option<Message>) {
        if let (Self::Broker(line), Some(message)) = (self, message) {
            // If this fails, another worker receives it, and finds no job.
            line.note("done", line.broker.done(message).await);
        }
    }

    /// Keeps messages from other workers.
    pub(super) async fn extend(&self, messages: &[Message]) {
        if let (Self::Broker(line), false) = (self, messages.is_empty()) {
            line.note("extend", line.broker.extend(messages).await);
        }
    }
}
