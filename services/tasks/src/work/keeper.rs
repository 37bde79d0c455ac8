//! Keeps the runs of this process, and takes over those of lost ones.

use super::{Shared, lock};
use crate::jobs::context::Stop;
use crate::model::run::{End, Outcome, Run};
use crate::model::task::Origin;
use crate::store::StoreError;
use crate::store::work::{Ending, Notice};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

/// The time between two looks at the runs.
const TICK: Duration = Duration::from_millis(500);
/// A lease is renewed this often before it ends.
const RENEWALS: u32 = 3;

/// The time between two extensions of messages. A broker keeps a message for 30 s.
const EXTENSION: Duration = Duration::from_secs(10);

/// Works until the process ends.
pub(super) async fn keep(shared: Arc<Shared>) {
    let signals = shared.tools.store.signals();
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut renewed = Instant::now();
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = signals.cancels.notified() => {}
        }
        if let Err(error) = tick(&shared, &mut renewed).await {
            tracing::warn!(cause = %error, "the runs cannot be kept");
        }
    }
}

/// Keeps the messages of the jobs that run, until the process ends. A lease never waits for the broker, so this is another
/// loop.
pub(super) async fn keep_messages(shared: Arc<Shared>) {
    loop {
        sleep(EXTENSION).await;
        let messages: Vec<_> = lock(&shared.messages).values().cloned().collect();
        shared.feed.extend(&messages).await;
    }
}

async fn tick(shared: &Shared, renewed: &mut Instant) -> Result<(), StoreError> {
    let work = shared.tools.store.work();
    let runs = running(shared);
    if !runs.is_empty() {
        for (run, notice) in work.notices(runs.clone()).await? {
            let stop = match notice {
                Notice::Cancelled => Stop::Cancelled,
                Notice::Lost => Stop::LeaseLost,
            };
            if let Some(signal) = lock(&shared.runs).get(&run) {
                if notice == Notice::Lost && signal.borrow().is_none() {
                    shared.metrics.lease_lost();
                }
                signal.send_if_modified(|now| {
                    now.is_none() && {
                        *now = Some(stop);
                        true
                    }
                });
            }
        }
        if renewed.elapsed() >= shared.policy.lease / RENEWALS {
            let at = Instant::now();
            work.renew(runs, shared.policy.lease).await?;
            *renewed = at;
        }
    }
    take_over(shared).await?;
    give_back(shared).await
}

fn running(shared: &Shared) -> Vec<Run> {
    let mut runs: Vec<_> = lock(&shared.runs).keys().copied().collect();
    runs.sort_unstable();
    runs
}

/// Ends the runs of workers that are lost. Every process does this, so that no process is needed for it.
async fn take_over(shared: &Shared) -> Result<(), StoreError> {
    let work = shared.tools.store.work();
    for run in work.expired().await? {
        let Some(ending) = ending(shared, run, End::Lost).await? else { continue };
        if let Some(task) = work.expire(run, ending).await? {
            let Origin { request_id, amzn_trace_id, traceparent } = &task.origin;
            let (kind, status) = (&task.summary.kind, task.summary.status);
            tracing::warn!(
                task_id = %run.task,
                request_id,
                amzn_trace_id,
                traceparent,
                kind = kind.as_str(),
                fence = run.fence,
                outcome = Outcome::Lost.as_str(),
                status = status.as_str(),
                "job ends"
            );
            shared.metrics.lost(kind);
        }
    }
    Ok(())
}

/// Gives back what this process has claimed without knowing it: the response of the claim was lost.
async fn give_back(shared: &Shared) -> Result<(), StoreError> {
    let work = shared.tools.store.work();
    let claiming = shared.claiming.lock().await;
    let known = running(shared);
    let held = work.held(&shared.worker).await?;
    drop(claiming);
    for run in held.into_iter().filter(|run| !known.contains(run)) {
        let Some(ending) = ending(shared, run, End::HandedBack).await? else { continue };
        if work.finish(run, ending).await?.is_some() {
            tracing::warn!(task_id = %run.task, fence = run.fence, "response of a claim was lost, the job is given back");
        }
    }
    Ok(())
}

/// The end of a run that this process does not run. `None` if its task is gone.
async fn ending(shared: &Shared, run: Run, end: End) -> Result<Option<Ending>, StoreError> {
    let task = shared.tools.store.task(run.task).await?;
    Ok(task.map(|task| Ending { end, volatile: crate::jobs::volatile(&task.summary.kind) }))
}
