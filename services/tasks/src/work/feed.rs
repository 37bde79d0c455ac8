//! The wake-ups of the claims: from the database, or from a broker.

use crate::broker::{Broker, BrokerError, Message};
use crate::store::Store;
use chassis::readiness::Condition;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, mpsc};
use tokio::time::{sleep, timeout};

/// The time between two looks at the queue without a message. It finds the jobs whose messages were lost.
const SWEEP: Duration = Duration::from_secs(5);
/// The same while the broker is away, and the pause before the next attempt to reach it.
const AWAY: Duration = Duration::from_secs(1);
/// The time that one request to the broker waits for a message.
const WAIT: Duration = Duration::from_secs(10);

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
        step: &'static str,
        result: Result<T, BrokerError>,
    ) -> Result<T, BrokerError> {
        if let Err(error) = &result
            && self.condition.is_ok()
        {
            tracing::warn!(cause = %error, step, "broker is away");
        }
        self.condition.note(result.is_ok());
        result
    }
}

/// The source of wake-ups.
pub(super) enum Feed {
    /// The database and this process. The time is that between two looks without a wake-up.
    Database(Arc<dyn Store>, Duration),
    /// A broker, and the messages that it has given.
    Broker(Line, mpsc::Sender<Message>, Mutex<mpsc::Receiver<Message>>),
}

impl Feed {
    pub(super) fn of_broker(line: Line) -> Self {
        let (sender, receiver) = mpsc::channel(1);
        Self::Broker(line, sender, Mutex::new(receiver))
    }

    /// Receives messages of a broker. It takes one only when the last one was used. So a claim never waits for a broker that
    /// does not answer.
    pub(super) async fn receive(&self) {
        let Self::Broker(line, sender, _) = self else { return };
        while let Ok(place) = sender.reserve().await {
            match line.note("receive", line.broker.receive(WAIT).await) {
                Ok(Some(message)) => place.send(message),
                Ok(None) => {}
                Err(_) => sleep(AWAY).await,
            }
        }
    }

    /// A run has ended, so a job that had to wait for it can be claimed: the type or the user was at its limit. With a broker,
    /// the next message or look finds it.
    pub(super) fn run_ended(&self) {
        if let Self::Database(store, _) = self {
            store.signals().jobs.notify_one();
        }
    }

    /// Waits for a reason to look at the queue. With `busy`, the last look has found a job: the next one follows at once, with
    /// a message if there is one.
    pub(super) async fn next(&self, busy: bool) -> Option<Message> {
        match self {
            Self::Database(..) if busy => None,
            Self::Database(store, poll) => {
                // A wake-up that came before is kept.
                let _ = timeout(*poll, store.signals().jobs.notified()).await;
                None
            }
            Self::Broker(line, _, messages) => {
                let mut messages = messages.lock().await;
                if busy {
                    return messages.try_recv().ok();
                }
                let wait = if line.condition.is_ok() { SWEEP } else { AWAY };
                timeout(wait, messages.recv()).await.ok().flatten()
            }
        }
    }

    /// Removes a message. If this fails, another worker receives it, and finds no job.
    pub(super) async fn done(&self, message: Option<Message>) {
        if let (Self::Broker(line, ..), Some(message)) = (self, message) {
            let _ = line.note("done", line.broker.done(message).await);
        }
    }

    /// Keeps messages from other workers.
    pub(super) async fn extend(&self, messages: &[Message]) {
        if let (Self::Broker(line, ..), false) = (self, messages.is_empty()) {
            let _ = line.note("extend", line.broker.extend(messages).await);
        }
    }
}
