//! The events of the store that records its calls.

use super::{WatchedStore, busy};
use async_trait::async_trait;
use tasks::model::session::SessionId;
use tasks::model::timestamp::Timestamp;
use tasks::model::user::UserId;
use tasks::store::events::{Events, Page};
use tasks::store::{LastNumbers, StoreError};

#[async_trait]
impl Events for WatchedStore {
    async fn events_after(
        &self,
        user: UserId,
        after: Option<i64>,
        limit: u32,
    ) -> Result<Page, StoreError> {
        busy(self.call("events_after")?.events().events_after(user, after, limit)).await
    }

    async fn last_numbers(&self, users: Vec<UserId>) -> Result<LastNumbers, StoreError> {
        busy(self.call("last_numbers")?.events().last_numbers(users)).await
    }

    async fn open_sessions(
        &self,
        sessions: Vec<SessionId>,
        now: Timestamp,
    ) -> Result<Vec<SessionId>, StoreError> {
        busy(self.call("open_sessions")?.events().open_sessions(sessions, now)).await
    }

    async fn remove_events(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        busy(self.call("remove_events")?.events().remove_events(before, limit)).await
    }
}
