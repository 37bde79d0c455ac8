//! The messages for a broker that were stored with the changes of their tasks.

use super::StoreError;
use crate::model::hint::Hint;
use async_trait::async_trait;
use std::time::Duration;

/// A stored message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    /// Its number.
    pub id: i64,
    /// Its content.
    pub hint: Hint,
}

/// The outbox. It is empty unless [`super::Options::outbox`] is set.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// Takes messages that are due, so that no other process sends them for some time.
    async fn take(&self, most: u32, lease: Duration) -> Result<Vec<Stored>, StoreError>;
    /// Removes messages that the broker has.
    async fn remove(&self, ids: Vec<i64>) -> Result<(), StoreError>;
}
