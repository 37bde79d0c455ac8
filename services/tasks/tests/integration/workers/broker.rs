//! A broker in the memory of the test. It can lose, double, reorder, delay and refuse messages.

use async_trait::async_trait;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;
use std::time::Duration;
use tasks::broker::{Broker, BrokerError, Message};
use tasks::model::hint::Hint;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout, timeout_at};

/// The time after which a message that is not done goes to another worker.
const VISIBILITY: Duration = Duration::from_secs(30);

/// The misbehaviour of the broker.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Faults {
    /// Each message is delivered twice.
    pub(super) doubles: bool,
    /// The last message is delivered first.
    pub(super) reorders: bool,
    /// Messages are delivered this much later.
    pub(super) delay: Duration,
    /// It answers nothing.
    pub(super) is_away: bool,
    /// It accepts no more than this many messages, if it is not 0.
    pub(super) room: usize,
}

#[derive(Debug, Default)]
struct State {
    faults: Faults,
    waiting: VecDeque<(Instant, String)>,
    held: BTreeMap<String, Instant>,
    counts: Counts,
}

/// The events so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) published: u32,
    pub(super) refused: u32,
    pub(super) delivered: u32,
    pub(super) done: u32,
}

#[derive(Debug, Default)]
pub(super) struct MemoryBroker {
    state: Mutex<State>,
    published: Notify,
}

impl MemoryBroker {
    pub(super) fn set(&self, faults: Faults) {
        self.state.lock().unwrap().faults = faults;
    }

    /// Loses all messages that wait. Returns their number.
    pub(super) fn purge(&self) -> usize {
        self.state.lock().unwrap().waiting.drain(..).count()
    }

    pub(super) fn counts(&self) -> Counts {
        self.state.lock().unwrap().counts
    }

    /// The next message that is there.
    fn take(&self) -> Result<Option<Message>, BrokerError> {
        let mut state = self.state.lock().unwrap();
        let now = Instant::now();
        if state.faults.is_away {
            return Err(away());
        }
        let late: Vec<_> = state.held.iter().filter(|(_, until)| **until < now).collect();
        let late: Vec<String> = late.into_iter().map(|(text, _)| text.clone()).collect();
        for text in late {
            state.held.remove(&text);
            state.waiting.push_front((now, text));
        }
        let mut places = 0..state.waiting.len();
        let is_there = |place: &usize| state.waiting[*place].0 <= now;
        let place =
            if state.faults.reorders { places.rev().find(is_there) } else { places.find(is_there) };
        let Some((_, text)) = place.and_then(|place| state.waiting.remove(place)) else {
            return Ok(None);
        };
        state.counts.delivered += 1;
        let name = format!("{} {text}", state.counts.delivered);
        state.held.insert(name.clone(), now + VISIBILITY);
        Ok(Some(Message(name)))
    }
}

fn away() -> BrokerError {
    BrokerError("the test says so".into())
}

#[async_trait]
impl Broker for MemoryBroker {
    async fn publish(&self, hints: &[Hint]) -> Result<(), BrokerError> {
        let mut state = self.state.lock().unwrap();
        let faults = state.faults;
        for hint in hints {
            let is_full = faults.room > 0 && state.waiting.len() >= faults.room;
            if faults.is_away || is_full {
                state.counts.refused += 1;
                return Err(away());
            }
            state.counts.published += 1;
            for _ in 0..=u8::from(faults.doubles) {
                state.waiting.push_back((Instant::now() + faults.delay, hint.text()));
            }
        }
        self.published.notify_waiters();
        Ok(())
    }

    async fn receive(&self, wait: Duration) -> Result<Option<Message>, BrokerError> {
        let deadline = Instant::now() + wait;
        loop {
            if let Some(message) = self.take()? {
                return Ok(Some(message));
            }
            if Instant::now() >= deadline {
                return Ok(None);
            }
            // Delayed messages have no wake-up of their own.
            let next = timeout(Duration::from_millis(20), self.published.notified());
            let _ = timeout_at(deadline, next).await;
        }
    }

    async fn extend(&self, messages: &[Message]) -> Result<(), BrokerError> {
        let mut state = self.state.lock().unwrap();
        for Message(name) in messages {
            if let Some(until) = state.held.get_mut(name) {
                *until = Instant::now() + VISIBILITY;
            }
        }
        Ok(())
    }

    async fn done(&self, Message(name): Message) -> Result<(), BrokerError> {
        let mut state = self.state.lock().unwrap();
        if state.faults.is_away {
            return Err(away());
        }
        state.counts.done += u32::from(state.held.remove(&name).is_some());
        Ok(())
    }

    async fn close(&self) {}
}
