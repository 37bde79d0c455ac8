//! One run of a job.
//!
//! A job runs in a thread of its own, with a runtime of its own. So a job that blocks its thread or panics harms no other
//! job. A thread cannot be killed: a job that does not stop is abandoned. Its slot is free again, and its thread ends with
//! the process or when the job ends.

use super::{Shared, lock};
use crate::jobs::Job;
use crate::jobs::context::{Context, Stop, Unfinished};
use crate::model::result::ResultFile;
use crate::model::run::{End, Run, pause};
use crate::model::task::{Origin, Status};
use crate::store::work::Ending;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::sync::{OwnedSemaphorePermit, oneshot, watch};
use tokio::time::{Instant, sleep, timeout};

/// The time that a job has to end after the signal to stop.
const GRACE: Duration = Duration::from_secs(1);
/// The pause between two attempts to record an end.
const RECORD_AGAIN: Duration = Duration::from_millis(500);
/// The stack of the thread of a job.
const STACK: usize = 4 << 20;

/// The outcome in the log of a run that was not the last one of its task.
const STALE: &str = "stale";

/// The result of a job, or of its thread.
type Done = Result<Option<ResultFile>, Unfinished>;

/// Runs a job and records its end.
pub(super) async fn run(
    shared: Arc<Shared>,
    job: &'static Job,
    context: Context,
    slot: OwnedSemaphorePermit,
) {
    let (run, began) = (context.task.run(), Instant::now());
    let kind = job.kind.as_str();
    let id = run.task.to_string();
    let attempt = context.task.summary.attempts;
    let task = Arc::clone(&context.task);
    let Origin { request_id, amzn_trace_id, traceparent } = &task.origin;
    let fence = run.fence;
    tracing::info!(
        task_id = id,
        request_id,
        amzn_trace_id,
        traceparent,
        kind,
        attempt,
        fence,
        "job begins"
    );
    let (done, stop) = execute(&shared, job, context.clone()).await;
    let end = end(done, stop, job, attempt);
    let error = end.as_ref().and_then(End::error).map(str::to_owned);
    let took = began.elapsed();
    let outcome = match end {
        Some(end) => {
            let outcome = end.outcome();
            shared.metrics.ended(&job.kind, outcome, took);
            if record(&shared, job, &context, end).await { outcome.as_str() } else { STALE }
        }
        None => STALE,
    };
    let (took_ms, progress) =
        (u64::try_from(took.as_millis()).unwrap_or(u64::MAX), context.progress());
    tracing::info!(
        task_id = id,
        request_id,
        amzn_trace_id,
        traceparent,
        kind,
        attempt,
        fence,
        outcome,
        error,
        took_ms,
        progress,
        "job ends"
    );
    lock(&shared.runs).remove(&run);
    drop(slot);
    shared.ended.notify_waiters();
    shared.feed.run_ended();
    let message = lock(&shared.messages).remove(&run);
    shared.feed.done(message).await;
}

/// Runs the job in a thread until it ends or has not stopped in time. `None`: it was abandoned.
async fn execute(
    shared: &Shared,
    job: &'static Job,
    context: Context,
) -> (Option<Done>, Option<Stop>) {
    let signal = lock(&shared.runs).get(&context.task.run()).map(watch::Sender::subscribe);
    let (Some(mut signal), deadline) = (signal, context.deadline()) else {
        return (None, Some(Stop::LeaseLost));
    };
    let (sender, mut done) = oneshot::channel();
    let run = context.task.run();
    let body = move || drop(sender.send(in_runtime(job, context)));
    let name = format!("job {}", job.kind.as_str());
    if let Err(error) = thread::Builder::new().name(name).stack_size(STACK).spawn(body) {
        tracing::error!(cause = %error, "no thread for a job");
        return (
            Some(Err(Unfinished::Failed("The worker has no memory for the job.".into()))),
            None,
        );
    }
    tokio::select! {
        done = &mut done => return (Some(done.unwrap_or_else(|_| panicked())), None),
        _ = signal.wait_for(Option::is_some) => {}
        () = tokio::time::sleep_until(deadline) => {
            if let Some(stop) = lock(&shared.runs).get(&run) {
                stop.send_if_modified(|stop| stop.get_or_insert(Stop::TimedOut) == &Stop::TimedOut);
            }
        }
    }
    let stop = *signal.borrow();
    if let Ok(done) = timeout(GRACE, &mut done).await {
        return (Some(done.unwrap_or_else(|_| panicked())), stop);
    }
    shared.metrics.abandoned(&job.kind, done);
    tracing::error!(task_id = %run.task, kind = job.kind.as_str(), "job does not stop, it is abandoned");
    (None, stop)
}

/// A runtime for this thread only. The future of a job that has not ended some time after the signal is dropped.
fn in_runtime(job: &Job, context: Context) -> Done {
    let runtime = Builder::new_current_thread().enable_all().build();
    let Ok(runtime) = runtime else {
        return Err(Unfinished::Failed("The worker has no resources for the job.".into()));
    };
    let stopped = context.clone();
    let done = runtime.block_on(async {
        tokio::select! {
            done = (job.run)(context) => done,
            () = async { stopped.stopped().await; sleep(GRACE / 2).await } => Err(Unfinished::Stopped),
        }
    });
    runtime.shutdown_background();
    done
}

fn panicked() -> Done {
    Err(Unfinished::Failed("The job stopped because of a defect of the service.".into()))
}

/// The end to record. `None` if another worker has the task.
fn end(done: Option<Done>, stop: Option<Stop>, job: &Job, attempt: u16) -> Option<End> {
    let failed = |text: String| Some(End::Failed(text, pause(attempt, random())));
    match (done, stop) {
        (Some(Ok(file)), _) => Some(End::Completed(file)),
        (_, Some(Stop::Cancelled)) => Some(End::Cancelled),
        (_, Some(Stop::LeaseLost)) => None,
        (_, Some(Stop::TimedOut)) => {
            failed(format!("The job took longer than {} seconds.", job.timeout.as_secs()))
        }
        (Some(Err(Unfinished::Failed(text))), None) => failed(text),
        (Some(Err(Unfinished::Stopped)) | None, None) | (_, Some(Stop::Drained)) => {
            Some(End::HandedBack)
        }
    }
}

/// A number from 0 to 1. Without randomness, the longest pause.
fn random() -> f64 {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes)
        .map_or(1.0, |()| f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX))
}

/// Records an end. While the database is away, it tries again, and the result waits. `false` if the run is an old one: its
/// result is dropped.
async fn record(shared: &Shared, job: &Job, context: &Context, end: End) -> bool {
    let run = context.task.run();
    let file = if let End::Completed(file) = &end { file.clone() } else { None };
    let ending = Ending { end, volatile: job.volatile };
    let recorded = loop {
        match shared.tools.store.work().finish(run, ending.clone()).await {
            Ok(recorded) => break recorded,
            Err(error) => {
                tracing::warn!(task_id = %run.task, cause = %error, "end of a job not recorded yet");
            }
        }
        sleep(RECORD_AGAIN).await;
    };
    if recorded.is_some() || may_be_completed(shared, run).await {
        return true;
    }
    shared.metrics.stale(&job.kind);
    if let Some(file) = file {
        // The sweep of the storage finds it otherwise.
        let _ = shared.tools.results.delete(&file.key).await;
    }
    false
}

/// Whether the success of a run may be recorded although the response was lost. Then its file stays. The sweep of the storage
/// removes a file that no task has.
async fn may_be_completed(shared: &Shared, run: Run) -> bool {
    let task = shared.tools.store.task(run.task).await;
    task.map_or(true, |task| {
        task.is_some_and(|task| task.run() == run && task.summary.status == Status::Completed)
    })
}
