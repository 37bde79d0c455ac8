//! The events of each user.

use super::{LastNumbers, StoreError};
use crate::model::event::{Event, Numbers};
use crate::model::session::SessionId;
use crate::model::timestamp::Timestamp;
use crate::model::user::UserId;
use async_trait::async_trait;

/// A part of the events of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The events that exist.
    pub numbers: Numbers,
    /// Those of this part that the user may get now.
    pub events: Vec<Event>,
    /// The number of the last event of this part, also if the user may not get it.
    pub through: i64,
    /// Whether more can follow at once.
    pub is_full: bool,
}

/// Events, and the sessions of those who read them.
#[async_trait]
pub trait Events: Send + Sync {
    /// The events after a number, at most `limit`. Without a number, after the last one.
    async fn events_after(
        &self,
        user: UserId,
        after: Option<i64>,
        limit: u32,
    ) -> Result<Page, StoreError>;
    /// The last number of each of these users that has events.
    async fn last_numbers(&self, users: Vec<UserId>) -> Result<LastNumbers, StoreError>;
    /// Those of these sessions that have not ended at `now`.
    async fn open_sessions(
        &self,
        sessions: Vec<SessionId>,
        now: Timestamp,
    ) -> Result<Vec<SessionId>, StoreError>;
    /// Removes events from before a time, about `limit` of them. Returns their number.
    async fn remove_events(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError>;
}
