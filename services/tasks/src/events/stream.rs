//! One stream: where it is, and what it sends next.
//!
//! Nobody pushes into a stream. It reads a piece when its caller has taken the last one, so a slow caller only delays itself,
//! and a stream needs no queue.

use super::feed::{Feed, Piece};
use super::{Streams, wire};
use crate::model::user::UserId;
use bytes::Bytes;
use std::sync::Arc;
use tokio::sync::watch;

/// The news that a stream has.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct State {
    /// The last event of its user that the process knows of.
    pub(super) last: i64,
    /// Its token or its session has ended.
    pub(super) ended: bool,
}

/// A stream that is counted until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) streams: Arc<Streams>,
    pub(super) user: UserId,
    pub(super) number: u64,
    pub(super) feed: Arc<Feed>,
    pub(super) state: watch::Receiver<State>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.streams.leave(self);
    }
}

/// A stream.
#[derive(Debug)]
pub(super) struct Reader {
    place: Place,
    /// The number of the last event that was sent.
    at: i64,
    first: Option<Bytes>,
}

impl Reader {
    /// Continues after a number, or begins at `last` with a reset.
    pub(super) fn new(place: Place, last: i64, after: Option<i64>) -> Self {
        let (at, first) = match after {
            Some(number) => (number, wire::position(number)),
            None => (last, wire::reset(last)),
        };
        place.streams.note(place.user, last);
        Self { place, at, first: Some(first) }
    }

    /// Waits for the next events. `None` at the end.
    pub(super) async fn next(&mut self) -> Option<Bytes> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        loop {
            let State { last, ended } = *self.place.state.borrow_and_update();
            if ended {
                return None;
            }
            if last <= self.at {
                self.place.state.changed().await.ok()?;
                continue;
            }
            match self.read(last).await {
                Some(piece) => {
                    self.at = piece.through;
                    // The session can have ended meanwhile.
                    return (!self.place.state.borrow().ended).then_some(piece.bytes);
                }
                // The next look that succeeds wakes the stream.
                None => self.place.streams.forget(&self.place, self.at),
            }
        }
    }

    async fn read(&self, last: i64) -> Option<Piece> {
        let Place { streams, user, feed, .. } = &self.place;
        let read = feed.after(&*streams.store, *user, self.at, last).await;
        read.inspect_err(|error| tracing::debug!(cause = %error, "events cannot be read")).ok()
    }
}
