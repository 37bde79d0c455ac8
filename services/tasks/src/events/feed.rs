//! The events of one user, read once for all streams of the user.

use super::wire;
use crate::model::user::UserId;
use crate::store::{Store, StoreError};
use bytes::Bytes;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// The most events of one piece. A stream holds at most one piece.
const LIMIT: u32 = 100;
/// The time in which the streams of a user share a piece. The rights of the user are checked when it is read.
const SHARED: Duration = Duration::from_millis(100);

/// The next part of a stream.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    /// The events.
    pub(super) bytes: Bytes,
    /// The number of the last one.
    pub(super) through: i64,
}

#[derive(Debug)]
struct Read {
    after: i64,
    at: Instant,
    is_full: bool,
    piece: Piece,
}

/// The last piece.
#[derive(Debug, Default)]
pub(super) struct Feed(Mutex<Option<Read>>);

impl Feed {
    /// The events after a number. The caller knows that there are some, up to `last`.
    pub(super) async fn after(
        &self,
        store: &dyn Store,
        user: UserId,
        after: i64,
        last: i64,
    ) -> Result<Piece, StoreError> {
        let mut read = self.0.lock().await;
        let is_current = |read: &&Read| {
            let reaches = read.is_full || read.piece.through >= last;
            read.after == after && reaches && read.at.elapsed() < SHARED
        };
        if let Some(read) = read.as_ref().filter(is_current) {
            return Ok(read.piece.clone());
        }
        let page = store.events().events_after(user, Some(after), LIMIT).await?;
        let piece = if page.numbers.continue_after(after) {
            Piece { bytes: wire::page(&page), through: page.through }
        } else {
            let last = page.numbers.last;
            Piece { bytes: wire::reset(last), through: last }
        };
        let (at, is_full) = (Instant::now(), page.is_full);
        *read = Some(Read { after, at, is_full, piece: piece.clone() });
        Ok(piece)
    }
}
