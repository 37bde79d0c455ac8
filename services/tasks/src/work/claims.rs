//! Claims a job whenever a slot is free.

use super::{Shared, lock, run};
use crate::jobs::context::Context;
use crate::store::work::Claimed;
use std::sync::Arc;
use tokio::time::Instant;

/// Claims until the stop signal.
pub(super) async fn claim_all(shared: Arc<Shared>) {
    let wanted = shared.wanted();
    let signals = shared.tools.store.signals();
    while !shared.is_draining() {
        let slot = tokio::select! {
            slot = Arc::clone(&shared.slots).acquire_owned() => slot,
            () = shared.draining() => return,
        };
        let Ok(slot) = slot else { return };
        tokio::select! {
            () = shared.metrics.abandoned_jobs().are_few() => {}
            () = shared.draining() => return,
        }
        // Registered before the claim, so that no wake-up is missed.
        let woken = signals.jobs.notified();
        let claiming = shared.claiming.lock().await;
        let claimed = shared.tools.store.work().claim(wanted.clone()).await;
        let claimed = claimed.map_err(|error| tracing::warn!(cause = %error, "claim failed"));
        if let Ok(Some(Claimed { task, waited })) = claimed {
            let Some(job) = shared.job(&task.summary.kind) else { continue };
            shared.metrics.picked_up(&job.kind, waited);
            let fence = task.runs.fence;
            let (run, tools) = (task.run(), Arc::clone(&shared.tools));
            let (context, stop) = Context::new(task, fence, tools, job.timeout);
            lock(&shared.runs).insert(run, stop);
            drop(claiming);
            tokio::spawn(run::run(Arc::clone(&shared), job, context, slot));
            continue;
        }
        drop((claiming, slot));
        let failed = claimed.is_err();
        let next = shared.rest(Instant::now() + shared.policy.poll);
        tokio::select! {
            () = next => {}
            // A database that has just failed is not asked again at once.
            () = woken, if !failed => {}
        }
    }
}
