//! The duties that one process has for all: the daily cleanup. And the figures of the queue, which each process shows.
//!
//! The leader is a row with a lease, not a lock of a session. So it works through a pooler, and a leader that is lost is
//! replaced.

use super::Shared;
use crate::jobs::cleanup_temp::clean;
use crate::jobs::context::Unfinished;
use crate::store::StoreError;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use uuid::Uuid;

/// The time between two looks.
const EVERY: Duration = Duration::from_secs(15);
/// The lease of the leader.
const LEASE: Duration = Duration::from_mins(1);
const DAY: Duration = Duration::from_hours(24);

/// Works until the stop signal.
pub(super) async fn attend(shared: Arc<Shared>) {
    while !shared.is_draining() {
        if let Err(error) = look(&shared).await {
            tracing::warn!(cause = %error, "the duties wait");
        }
        shared.rest(Instant::now() + EVERY).await;
    }
}

async fn look(shared: &Shared) -> Result<(), StoreError> {
    let work = shared.tools.store.work();
    shared.metrics.queue(&work.queue().await?);
    if !work.lead("leader", &shared.worker, LEASE).await? {
        return Ok(());
    }
    // This lease is not renewed. It ends after a day, also if this process is lost before.
    let today = Uuid::now_v7().to_string();
    if work.lead("daily cleanup", &today, DAY).await? {
        let mut rows = 0;
        let kept = shared.policy.retentions;
        let done = clean(&shared.tools, kept, |part| {
            rows += part;
            if shared.is_draining() { Err(Unfinished::Stopped) } else { Ok(()) }
        });
        let done = done.await.is_ok();
        tracing::info!(rows, done, "daily cleanup");
    }
    Ok(())
}
