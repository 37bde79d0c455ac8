//! Sends the messages of the outbox to the broker.
//!
//! A message is removed from the outbox when the broker has it. A process that is lost in between has sent it twice, which
//! changes nothing.

use super::feed::Line;
use crate::store::{Store, StoreError};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// The messages that are sent together.
const PART: u32 = 100;
/// The time after which another process sends messages that this one has taken.
const LEASE: Duration = Duration::from_secs(10);
/// The time between two looks at the outbox without a wake-up: for messages whose time comes, and those of lost processes.
const LOOK: Duration = Duration::from_secs(1);

/// Works until the task is aborted.
pub async fn publish_all(store: Arc<dyn Store>, line: Line) {
    loop {
        // A wake-up that came before is kept.
        let _ = timeout(LOOK, store.signals().jobs.notified()).await;
        match publish(&*store, &line).await {
            Ok(true) => {}
            Ok(false) => sleep(LOOK).await,
            Err(error) => {
                tracing::warn!(cause = %error, "the outbox waits");
                sleep(LOOK).await;
            }
        }
    }
}

/// Sends all messages that are due. `false` if the broker is away.
async fn publish(store: &dyn Store, line: &Line) -> Result<bool, StoreError> {
    loop {
        let taken = store.outbox().take(PART, LEASE).await?;
        if taken.is_empty() {
            return Ok(true);
        }
        let hints: Vec<_> = taken.iter().map(|stored| stored.hint).collect();
        if line.note("publish", line.broker.publish(&hints).await).is_err() {
            return Ok(false);
        }
        store.outbox().remove(taken.into_iter().map(|stored| stored.id).collect()).await?;
    }
}
