//! Claims: which job is the next one.

use super::super::create;
use super::work::{claimed, created, ending, job, jobs, wanted};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tasks::model::run::End;
use tasks::model::task::{Kind, Priority, Status};
use tasks::model::timestamp::Timestamp;
use tasks::store::Store;
use tasks::store::work::Wanted;
use tokio::time::sleep;

pub(super) async fn claim_begins_a_run(store: Arc<dyn Store>) {
    let ada = create(&*store, "work-claim-ada").await;
    assert!(store.work().claim(wanted("claim")).await.unwrap().is_none(), "no job is there");
    let before = created(&*store, job(&ada, "claim")).await;
    let task = claimed(&*store, "claim").await;
    assert_eq!(task.summary.id, before.summary.id);
    assert_eq!((task.summary.status, task.summary.attempts), (Status::Processing, 1));
    assert_eq!((task.runs.fence, task.summary.version), (1, before.summary.version + 1));
    assert_eq!(store.task(task.summary.id).await.unwrap(), Some(task.clone()));
    assert!(store.work().claim(wanted("claim")).await.unwrap().is_none(), "it is claimed once");
    let attempts = store.work().attempts(task.summary.id).await.unwrap();
    let [attempt] = &attempts[..] else { panic!("{attempts:?}") };
    assert_eq!((&*attempt.worker, attempt.ended, attempt.outcome), ("w1", None, None));
}

pub(super) async fn concurrent_claims_never_meet(store: Arc<dyn Store>) {
    let (ada, bob) =
        (create(&*store, "work-meet-ada").await, create(&*store, "work-meet-bob").await);
    for owner in [&ada, &bob] {
        jobs(&*store, owner, "meet", 20).await;
    }
    let workers = (0..8).map(|_| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let mut ids = Vec::new();
            // A claim can miss a user whose row is locked, so a worker looks again.
            for _ in 0..3 {
                while let Some(claimed) = store.work().claim(wanted("meet")).await.unwrap() {
                    ids.push(claimed.task.summary.id);
                }
                sleep(Duration::from_millis(20)).await;
            }
            ids
        })
    });
    let mut all = Vec::new();
    for worker in workers.collect::<Vec<_>>() {
        all.extend(worker.await.unwrap());
    }
    assert_eq!(all.len(), 40);
    assert_eq!(all.into_iter().collect::<HashSet<_>>().len(), 40);
}

pub(super) async fn claims_rotate_among_users(store: Arc<dyn Store>) {
    let ada = create(&*store, "work-rotate-ada").await;
    jobs(&*store, &ada, "rotate", 50).await;
    for _ in 0..10 {
        claimed(&*store, "rotate").await;
    }
    let (bob, eve) =
        (create(&*store, "work-rotate-bob").await, create(&*store, "work-rotate-eve").await);
    for owner in [&bob, &eve] {
        jobs(&*store, owner, "rotate", 3).await;
    }
    let mut owners = Vec::new();
    for _ in 0..9 {
        owners.push(claimed(&*store, "rotate").await.summary.user_id);
    }
    for turns in owners.chunks(3) {
        let turns: HashSet<_> = turns.iter().collect();
        assert_eq!(turns.len(), 3, "each user has one claim in three: {owners:?}");
    }
    // Ada's claims while she was alone do not count against her later.
    created(&*store, job(&bob, "rotate")).await;
    let next = [claimed(&*store, "rotate").await, claimed(&*store, "rotate").await];
    assert!(next.iter().any(|task| task.summary.user_id == ada.id));
}

pub(super) async fn order_within_a_user_is_due_priority_age(store: Arc<dyn Store>) {
    let ada = create(&*store, "work-order-ada").await;
    let now = store.work().now().await.unwrap();
    let ago = |seconds: i64| Timestamp::from_millis(now.as_millis() - seconds * 1000);
    let mut expected = Vec::new();
    // A priority is worth ten minutes.
    for (place, priority, age) in [
        (1, Priority::Normal, 100),
        (2, Priority::Normal, 90),
        (0, Priority::High, 0),
        (4, Priority::Low, 10),
        (3, Priority::Low, 650),
    ] {
        let mut job = job(&ada, "order");
        job.summary.priority = priority;
        job.summary.run_at = Some(ago(age));
        expected.push((place, created(&*store, job).await.summary.id));
    }
    let mut future = job(&ada, "order");
    future.summary.priority = Priority::Urgent;
    future.summary.run_at = Some(now.after(Duration::from_mins(1)));
    created(&*store, future).await;
    expected.sort_unstable();
    for (place, id) in expected {
        assert_eq!(claimed(&*store, "order").await.summary.id, id, "place {place}");
    }
    assert!(
        store.work().claim(wanted("order")).await.unwrap().is_none(),
        "the last one is not due"
    );
}

pub(super) async fn job_of_a_fast_clock_is_due_at_once(store: Arc<dyn Store>) {
    let ada = create(&*store, "claims-clock-ada").await;
    let now = store.work().now().await.unwrap();
    let mut fast = job(&ada, "clock");
    fast.summary.created_at = now.after(Duration::from_hours(1));
    let mut later = job(&ada, "clock");
    later.summary.run_at = Some(fast.summary.created_at);
    for task in [&fast, &later] {
        created(&*store, task.clone()).await;
    }
    assert_eq!(claimed(&*store, "clock").await.summary.id, fast.summary.id);
    assert!(store.work().claim(wanted("clock")).await.unwrap().is_none(), "the other has a time");
}

pub(super) async fn limits_of_types_and_users_hold(store: Arc<dyn Store>) {
    let ada = create(&*store, "work-limit-ada").await;
    jobs(&*store, &ada, "limit", 9).await;
    let limited = Wanted { limits: vec![(Kind::new("limit"), 3)], ..wanted("limit") };
    let claims = (0..9).map(|_| store.work().claim(limited.clone()));
    let mut running = Vec::new();
    for claim in claims {
        running.extend(claim.await.unwrap());
    }
    assert_eq!(running.len(), 3);
    let one = Wanted { per_user: 3, ..wanted("limit") };
    assert!(store.work().claim(one.clone()).await.unwrap().is_none());
    store.work().finish(running[0].task.run(), ending(End::Completed(None))).await.unwrap();
    assert!(store.work().claim(one).await.unwrap().is_some());
}

pub(super) async fn paused_type_is_not_claimed(store: Arc<dyn Store>) {
    let ada = create(&*store, "work-pause-ada").await;
    jobs(&*store, &ada, "pause", 1).await;
    store.work().pause(Kind::new("pause"), true).await.unwrap();
    assert_eq!(store.work().queue().await.unwrap().paused, ["pause"]);
    assert!(store.work().claim(wanted("pause")).await.unwrap().is_none());
    store.work().pause(Kind::new("pause"), false).await.unwrap();
    claimed(&*store, "pause").await;
}
