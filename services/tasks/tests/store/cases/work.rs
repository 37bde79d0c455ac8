//! Leases and the ends of runs.

use super::super::{create, later};
use super::task::{WIDE, manual, store_task};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tasks::model::result::ResultFile;
use tasks::model::run::{End, Outcome, Run};
use tasks::model::task::{Kind, Status, Task, TaskId};
use tasks::model::timestamp::Timestamp;
use tasks::model::user::User;
use tasks::store::work::{Claimed, Ending, Notice, Wanted};
use tasks::store::{Change, Store};
use tokio::time::sleep;

const LEASE: Duration = Duration::from_secs(30);
/// Before now on every clock.
const PAST: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// A worker for a type that only one case uses, because the cases share a database.
pub(super) fn wanted(kind: &'static str) -> Wanted {
    Wanted {
        worker: "w1".into(),
        kinds: vec![Kind::new(kind)],
        limits: Vec::new(),
        per_user: 1000,
        lease: LEASE,
    }
}

/// A due job that is not stored yet.
pub(super) fn job(owner: &User, kind: &'static str) -> Task {
    let mut task = manual(owner);
    task.summary.kind = Kind::new(kind);
    task.summary.created_at = PAST;
    task.payload = Some(json!({}));
    task
}

pub(super) async fn created(store: &dyn Store, task: Task) -> Task {
    store_task(store, &task).await;
    task
}

pub(super) fn ending(end: End) -> Ending {
    Ending { end, volatile: None }
}

pub(super) fn failed() -> End {
    End::Failed("no".into(), Duration::ZERO)
}

pub(super) async fn claimed(store: &dyn Store, kind: &'static str) -> Task {
    let claimed = store.work().claim(wanted(kind)).await.unwrap();
    claimed.map(|Claimed { task, .. }| task).expect("a job is due")
}

/// Creates jobs, and returns their ids in the order of their creation.
pub(super) async fn jobs(
    store: &dyn Store,
    owner: &User,
    kind: &'static str,
    number: u32,
) -> Vec<TaskId> {
    let mut ids = Vec::new();
    for _ in 0..number {
        ids.push(created(store, job(owner, kind)).await.summary.id);
    }
    ids
}

pub(super) async fn success_is_recorded_once(store: Arc<dyn Store>) {
    let ada = create(&*store, "work-once-ada").await;
    jobs(&*store, &ada, "once", 1).await;
    let task = claimed(&*store, "once").await;
    let file = ResultFile { key: "a/1".into(), media_type: "text/csv".into(), bytes: 7 };
    let done = ending(End::Completed(Some(file.clone())));
    let both = tokio::join!(
        store.work().finish(task.run(), done.clone()),
        store.work().finish(task.run(), done)
    );
    let (one, other) = (both.0.unwrap(), both.1.unwrap());
    assert!(one.is_some() != other.is_some(), "exactly one is recorded");
    let task = store.task(task.summary.id).await.unwrap().unwrap();
    assert_eq!((task.summary.status, task.summary.has_result), (Status::Completed, true));
    assert_eq!(task.runs.result, Some(file));
    assert!(task.summary.finished_at.is_some());
}

pub(super) async fn old_fence_changes_nothing(store: Arc<dyn Store>) {
    let ada = create(&*store, "work-fence-ada").await;
    jobs(&*store, &ada, "fence", 1).await;
    let lease = Duration::from_millis(1);
    let claim = store.work().claim(Wanted { lease, ..wanted("fence") }).await.unwrap();
    let old = claim.unwrap().task.run();
    sleep(Duration::from_millis(20)).await;
    let expired = store.work().expired().await.unwrap();
    assert!(expired.contains(&old));
    let task = store.work().expire(old, ending(End::Lost)).await.unwrap().unwrap();
    assert_eq!(
        (task.summary.status, task.summary.attempts, task.runs.crashes),
        (Status::Pending, 0, 1)
    );
    assert_eq!(
        store.work().expire(old, ending(End::Lost)).await.unwrap(),
        None,
        "it is expired once"
    );
    let new = claimed(&*store, "fence").await;
    assert_eq!(new.runs.fence, old.fence + 1);
    let late = store.work().finish(old, ending(End::Completed(None))).await.unwrap();
    assert_eq!(late, None, "the result of the old run is dropped");
    assert_eq!(store.task(old.task).await.unwrap(), Some(new.clone()));
    let notices = store.work().notices(vec![old, new.run()]).await.unwrap();
    assert_eq!(notices, [(old, Notice::Lost)]);
    assert!(store.work().finish(new.run(), ending(End::Completed(None))).await.unwrap().is_some());
    let outcomes: Vec<_> = store.work().attempts(old.task).await.unwrap();
    let outcomes: Vec<_> = outcomes.into_iter().map(|attempt| attempt.outcome).collect();
    assert_eq!(outcomes, [Some(Outcome::Completed), Some(Outcome::Lost)]);
}

pub(super) async fn renewed_lease_does_not_end(store: Arc<dyn Store>) {
    let ada = create(&*store, "work-renew-ada").await;
    jobs(&*store, &ada, "renew", 1).await;
    let lease = Duration::from_millis(1);
    let claim = store.work().claim(Wanted { lease, ..wanted("renew") }).await.unwrap().unwrap();
    let run = claim.task.run();
    store.work().renew(vec![run], LEASE).await.unwrap();
    sleep(Duration::from_millis(20)).await;
    assert!(!store.work().expired().await.unwrap().contains(&run));
    assert_eq!(store.work().expire(run, ending(End::Lost)).await.unwrap(), None);
    let task = store.task(run.task).await.unwrap();
    assert_eq!(task, Some(claim.task), "a renewal is no visible change");
    store.work().finish(run, ending(End::Completed(None))).await.unwrap();
}

pub(super) async fn failed_runs_end_in_failed(store: Arc<dyn Store>) {
    let ada = create(&*store, "work-fails-ada").await;
    jobs(&*store, &ada, "fails", 1).await;
    for attempt in 1..=5 {
        let task = claimed(&*store, "fails").await;
        assert_eq!(task.summary.attempts, attempt);
        let task = store.work().finish(task.run(), ending(failed())).await.unwrap().unwrap();
        let expected = if attempt == 5 { Status::Failed } else { Status::Pending };
        assert_eq!(task.summary.status, expected);
        assert_eq!(task.summary.error.unwrap().lines().count(), usize::from(attempt));
    }
    assert_eq!(store.work().retry_failed(Kind::new("fails"), None).await.unwrap(), 1);
    let task = claimed(&*store, "fails").await;
    assert_eq!((task.summary.attempts, task.summary.error), (1, None));
}

pub(super) async fn pause_before_a_retry_is_stored(store: Arc<dyn Store>) {
    let ada = create(&*store, "work-backoff-ada").await;
    jobs(&*store, &ada, "backoff", 1).await;
    let task = claimed(&*store, "backoff").await;
    let end = End::Failed("no".into(), Duration::from_mins(1));
    let task = store.work().finish(task.run(), ending(end)).await.unwrap().unwrap();
    let wait = task.due().since(store.work().now().await.unwrap());
    assert!(wait > Duration::from_secs(50), "{wait:?}");
    assert!(store.work().claim(wanted("backoff")).await.unwrap().is_none());
    let queue = store.work().queue().await.unwrap();
    let counts = queue.by_type["backoff"];
    assert_eq!((counts.pending, counts.scheduled, counts.processing), (1, 1, 0));
}

pub(super) async fn handed_back_run_does_not_count(store: Arc<dyn Store>) {
    let ada = create(&*store, "work-hand-ada").await;
    jobs(&*store, &ada, "hand", 1).await;
    for _ in 0..7 {
        let task = claimed(&*store, "hand").await;
        assert_eq!(task.summary.attempts, 1);
        store.work().finish(task.run(), ending(End::HandedBack)).await.unwrap().unwrap();
    }
}

pub(super) async fn third_crash_is_poison(store: Arc<dyn Store>) {
    let ada = create(&*store, "work-poison-ada").await;
    jobs(&*store, &ada, "poison", 1).await;
    for crash in 1..=3 {
        let task = claimed(&*store, "poison").await;
        let task = store.work().finish(task.run(), ending(End::Lost)).await.unwrap().unwrap();
        let expected = if crash == 3 { Status::Failed } else { Status::Pending };
        assert_eq!((task.summary.status, task.summary.attempts), (expected, 0));
    }
}

/// Asks the task to stop, as the API does.
async fn cancel(store: &dyn Store, run: Run) {
    let from = store.task(run.task).await.unwrap().unwrap();
    let mut to = from.clone();
    to.summary.cancel(later(1)).unwrap();
    to.touch(later(1));
    assert_eq!(store.change_task(from, to, WIDE).await.unwrap(), Change::Done);
}

pub(super) async fn cancellation_meets_each_end(store: Arc<dyn Store>) {
    let ada = create(&*store, "work-stop-ada").await;
    for (end, expected) in [
        (End::Completed(None), Status::Completed),
        (End::Cancelled, Status::Cancelled),
        (failed(), Status::Cancelled),
        (End::HandedBack, Status::Cancelled),
        (End::Lost, Status::Cancelled),
    ] {
        jobs(&*store, &ada, "stop", 1).await;
        let run = claimed(&*store, "stop").await.run();
        cancel(&*store, run).await;
        assert_eq!(store.work().notices(vec![run]).await.unwrap(), [(run, Notice::Cancelled)]);
        let task = store.work().finish(run, ending(end.clone())).await.unwrap().unwrap();
        assert_eq!(task.summary.status, expected, "{end:?}");
    }
}

pub(super) async fn one_leader_at_a_time(store: Arc<dyn Store>) {
    let lease = Duration::from_millis(200);
    assert!(store.work().lead("sweep", "a", lease).await.unwrap());
    assert!(!store.work().lead("sweep", "b", lease).await.unwrap());
    assert!(store.work().lead("sweep", "a", lease).await.unwrap(), "the leader renews");
    assert!(
        store.work().lead("other", "b", lease).await.unwrap(),
        "another duty has its own leader"
    );
    sleep(lease * 2).await;
    assert!(store.work().lead("sweep", "b", lease).await.unwrap());
    assert!(!store.work().lead("sweep", "a", lease).await.unwrap());
}

pub(super) async fn deleted_user_loses_the_run(store: Arc<dyn Store>) {
    let ada = create(&*store, "work-gone-ada").await;
    jobs(&*store, &ada, "gone", 1).await;
    let run = claimed(&*store, "gone").await.run();
    assert!(store.delete_user(ada.id, later(1)).await.unwrap());
    assert_eq!(store.work().notices(vec![run]).await.unwrap(), [(run, Notice::Lost)]);
    assert_eq!(store.work().finish(run, ending(End::Completed(None))).await.unwrap(), None);
    assert_eq!(store.work().attempts(run.task).await.unwrap(), []);
}
