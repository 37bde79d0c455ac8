//! Claims a job whenever a slot is free.

use super::{Shared, lock, run};
use crate::broker::Message;
use crate::jobs::context::Context;
use crate::store::StoreError;
use crate::store::work::{Claimed, Wanted};
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

/// Claims until the stop signal.
pub(super) async fn claim_all(shared: Arc<Shared>) {
    let wanted = shared.wanted();
    // The first look follows at once.
    let mut busy = true;
    while let Some((slot, message)) = turn(&shared, busy).await {
        // A claim is never cut off: its job would wait for the end of the lease.
        busy = match claim(&shared, &wanted, slot, message).await {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!(cause = %error, "claim failed");
                shared.rest(Instant::now() + shared.policy.poll).await;
                false
            }
        };
    }
}

/// Waits for a free slot and a reason to look at the queue. `None` after the stop signal.
async fn turn(shared: &Shared, busy: bool) -> Option<(OwnedSemaphorePermit, Option<Message>)> {
    let turn = async {
        let slot = Arc::clone(&shared.slots).acquire_owned().await.ok()?;
        shared.metrics.abandoned_jobs().are_few().await;
        Some((slot, shared.feed.next(busy).await))
    };
    tokio::select! {
        biased;
        () = shared.draining() => None,
        turn = turn => turn,
    }
}

/// Claims a job and begins its run. `false` if no job is due.
async fn claim(
    shared: &Arc<Shared>,
    wanted: &Wanted,
    slot: OwnedSemaphorePermit,
    message: Option<Message>,
) -> Result<bool, StoreError> {
    let claiming = shared.claiming.lock().await;
    let claimed = shared.tools.store.work().claim(wanted.clone()).await;
    let Ok(Some(Claimed { task, waited })) = claimed else {
        drop((claiming, slot));
        let shared = Arc::clone(shared);
        // A claim never waits for the broker.
        tokio::spawn(async move { shared.feed.done(message).await });
        return claimed.map(|_| false);
    };
    // The types that are wanted are those that this process knows.
    let Some(job) = shared.job(&task.summary.kind) else { return Ok(false) };
    shared.metrics.picked_up(&job.kind, waited);
    let fence = task.runs.fence;
    let (run, tools) = (task.run(), Arc::clone(&shared.tools));
    let (context, stop) = Context::new(task, fence, tools, job.timeout);
    lock(&shared.runs).insert(run, stop);
    lock(&shared.messages).extend(message.map(|message| (run, message)));
    drop(claiming);
    tokio::spawn(run::run(Arc::clone(shared), job, context, slot));
    Ok(true)
}
