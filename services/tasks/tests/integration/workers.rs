//! The workers: runs that end in every way.

mod bench;
mod broker;
mod cleanup;
mod lost;
mod messages;

use self::bench::{BOUNDS, Bench, GATE, cancel, policy, task, user};
use std::sync::atomic::Ordering;
use std::time::Duration;
use tasks::model::run::Outcome;
use tasks::model::task::Status;
use tasks::work::Policy;
use tokio::time::{Instant, sleep};

#[tokio::test]
async fn job_is_done_and_its_file_is_kept() {
    let bench = Bench::new().await;
    let workers = bench.workers("w", policy());
    let id = bench.create(&bench.owner, "file").await;
    let task = bench.ended(id).await;
    assert_eq!((task.summary.status, task.summary.has_result), (Status::Completed, true));
    let file = task.runs.result.unwrap();
    assert_eq!((&*file.media_type, file.bytes), ("text/csv", 5));
    assert!(file.key.ends_with("/1"), "the key has the fence: {}", file.key);
    workers.stop().await;
}

/// The job records its end itself, as if the response of the worker's first attempt were lost.
#[tokio::test]
async fn file_stays_if_the_response_of_its_record_is_lost() {
    let bench = Bench::new().await;
    let workers = bench.workers("w", policy());
    let id = bench.create(&bench.owner, "recorded").await;
    let file = bench.ended(id).await.runs.result.unwrap();
    // Waits until the worker has recorded the end again.
    workers.stop().await;
    assert!(bench.tools.results.open(&file).await.unwrap().is_some(), "{} is deleted", file.key);
}

#[tokio::test]
async fn waking_up_is_faster_than_the_poll() {
    let bench = Bench::new().await;
    let workers = bench.workers("w", Policy { poll: Duration::from_secs(30), ..policy() });
    for _ in 0..3 {
        // The worker waits now.
        sleep(Duration::from_millis(100)).await;
        let began = Instant::now();
        let id = bench.create(&bench.owner, "file").await;
        bench.ended(id).await;
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    }
    workers.stop().await;
}

#[tokio::test]
async fn failed_job_is_tried_again() {
    let bench = Bench::new().await;
    let workers = bench.workers("w", policy());
    let (twice, fails) =
        (bench.create(&bench.owner, "twice").await, bench.create(&bench.owner, "fail").await);
    let task = bench.ended(twice).await;
    assert_eq!((task.summary.status, task.summary.attempts), (Status::Completed, 2));
    let task = bench.ended(fails).await;
    assert_eq!(task.summary.status, Status::Failed);
    assert_eq!(task.summary.error.as_deref(), Some("No.\nNo."));
    workers.stop().await;
}

#[tokio::test]
async fn panic_and_blocked_thread_harm_no_other_job() {
    let bench = Bench::new().await;
    let workers = bench.workers("w", Policy { slots: 2, ..policy() });
    let mut bad = Vec::new();
    for kind in ["panic", "block", "block", "wait"] {
        bad.push(bench.create(&bench.owner, kind).await);
    }
    let other = user(&*bench.store, "bob").await;
    let good = bench.create(&other, "file").await;
    assert_eq!(bench.ended(good).await.summary.status, Status::Completed);
    for (id, text) in
        bad.into_iter().zip(["a defect", "longer than 1 s", "longer than 1 s", "longer"])
    {
        let task = bench.ended(id).await;
        let error = task.summary.error.unwrap();
        assert!(task.summary.status == Status::Failed && error.contains(text), "{error}");
        assert!(!error.contains("secret"));
    }
    workers.stop().await;
}

#[tokio::test]
async fn process_with_too_many_abandoned_jobs_claims_no_other_until_they_end() {
    let bench = Bench::new().await;
    let workers = bench.workers("w", Policy { slots: 32, ..policy() });
    let mut gated = Vec::new();
    for _ in 0..32 {
        let mut task = task(bench.owner.id, "gated");
        task.summary.max_attempts = 1;
        gated.push(task.summary.id);
        bench.store.create_task(task, None, BOUNDS).await.unwrap();
    }
    for id in gated {
        assert_eq!(bench.ended(id).await.summary.status, Status::Failed);
    }
    let id = bench.create(&bench.owner, "file").await;
    // Ten looks at the queue.
    sleep(policy().poll * 10).await;
    assert_eq!(bench.outcomes(id).await, [], "it waits");
    GATE.store(true, Ordering::SeqCst);
    assert_eq!(bench.ended(id).await.summary.status, Status::Completed);
    workers.stop().await;
}

#[tokio::test]
async fn cancelled_job_stops_unless_its_work_is_done() {
    let bench = Bench::new().await;
    let workers = bench.workers("w", policy());
    for (kind, expected) in [
        ("listen", Status::Cancelled),
        ("stubborn", Status::Completed),
        ("deaf", Status::Cancelled),
    ] {
        let id = bench.create(&bench.owner, kind).await;
        bench.running(id).await;
        cancel(&bench, id).await;
        assert_eq!(bench.ended(id).await.summary.status, expected, "{kind}");
    }
    workers.stop().await;
}

#[tokio::test]
async fn drained_worker_hands_back_without_an_attempt() {
    let bench = Bench::new().await;
    let workers = bench.workers("w", policy());
    let (listens, deaf) =
        (bench.create(&bench.owner, "listen").await, bench.create(&bench.owner, "deaf").await);
    for id in [listens, deaf] {
        bench.running(id).await;
    }
    let began = Instant::now();
    workers.drain();
    let later = bench.create(&bench.owner, "file").await;
    workers.stop().await;
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
    for id in [listens, deaf, later] {
        let task = bench.store.task(id).await.unwrap().unwrap();
        assert_eq!((task.summary.status, task.summary.attempts), (Status::Pending, 0));
    }
    assert_eq!(bench.outcomes(deaf).await, [Some(Outcome::HandedBack)]);
    assert_eq!(bench.outcomes(later).await, [], "a draining process claims nothing");
}
