//! The removal of what is past its retention, in small parts.

use super::StoreError;
use crate::model::timestamp::Timestamp;
use async_trait::async_trait;

/// The part that one call has removed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Removed {
    /// The number of rows. Zero if nothing is left.
    pub rows: u64,
    /// The keys of files that no task has any more.
    pub files: Vec<String>,
}

/// Removals. A moment is compared with the end of a task, or with the creation of a row of another kind.
#[async_trait]
pub trait Retention: Send + Sync {
    /// Takes the files from tasks that ended before a moment.
    async fn remove_results(&self, before: Timestamp) -> Result<Removed, StoreError>;
    /// Removes jobs that ended before a moment. Manual tasks stay.
    async fn remove_jobs(&self, before: Timestamp) -> Result<Removed, StoreError>;
    /// Removes idempotency keys.
    async fn remove_keys(&self, before: Timestamp) -> Result<Removed, StoreError>;
    /// Of these files, those that no task has.
    async fn orphans(&self, keys: Vec<String>) -> Result<Vec<String>, StoreError>;
}
