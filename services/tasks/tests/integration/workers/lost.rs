//! Workers that are lost, responses of claims that are lost, and leases.

use super::bench::{BOUNDS, Bench, cancel, policy, task};
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use std::time::Duration;
use tasks::model::run::{End, Outcome};
use tasks::model::task::{Kind, Status};
use tasks::store::work::{Ending, Wanted};
use tasks::work::Metrics;
use tokio::time::sleep;

#[tokio::test]
async fn job_of_a_lost_worker_is_taken_over() {
    let bench = Bench::new().await;
    // Claims without renewing the lease, like a process that was killed.
    let wanted = Wanted {
        worker: "dead".into(),
        kinds: vec![Kind::new("file")],
        limits: Vec::new(),
        per_user: 10,
        lease: Duration::from_millis(100),
    };
    let id = bench.create(&bench.owner, "file").await;
    let dead = bench.store.work().claim(wanted).await.unwrap().unwrap().task.run();
    let (metrics, mut registry) = (Metrics::default(), Registry::default());
    metrics.register_work(&mut registry);
    let workers = bench.counted_workers("w", policy(), metrics);
    let task = bench.ended(id).await;
    assert_eq!((task.summary.status, task.summary.attempts), (Status::Completed, 1));
    assert_eq!((task.runs.fence, task.runs.crashes), (2, 1));
    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    assert!(text.contains("tasks_lost_total{type=\"file\"} 1\n"), "{text}");
    assert_eq!(bench.outcomes(id).await, [Some(Outcome::Completed), Some(Outcome::Lost)]);
    let late = Ending { end: End::Completed(None), volatile: None };
    assert_eq!(bench.store.work().finish(dead, late).await.unwrap(), None);
    workers.stop().await;
}

#[tokio::test]
async fn claim_whose_response_was_lost_is_given_back() {
    let bench = Bench::new().await;
    let wanted = Wanted {
        worker: "w".into(),
        kinds: vec![Kind::new("file")],
        limits: Vec::new(),
        per_user: 10,
        lease: Duration::from_mins(1),
    };
    let id = bench.create(&bench.owner, "file").await;
    bench.store.work().claim(wanted).await.unwrap().unwrap();
    let workers = bench.workers("w", policy());
    let task = bench.ended(id).await;
    assert_eq!((task.summary.attempts, task.runs.crashes), (1, 0));
    assert_eq!(bench.outcomes(id).await, [Some(Outcome::Completed), Some(Outcome::HandedBack)]);
    workers.stop().await;
}

#[tokio::test]
async fn volatile_member_goes_with_a_cancelled_job_that_is_given_back() {
    let bench = Bench::new().await;
    let mut task = task(bench.owner.id, "resize_image");
    task.payload = Some(serde_json::json!({ "image": "secret", "width": 1 }));
    let id = task.summary.id;
    bench.store.create_task(task, None, BOUNDS).await.unwrap();
    let wanted = Wanted {
        worker: "w".into(),
        kinds: vec![Kind::new("resize_image")],
        limits: Vec::new(),
        per_user: 10,
        lease: Duration::from_mins(1),
    };
    bench.store.work().claim(wanted).await.unwrap().unwrap();
    cancel(&bench, id).await;
    let workers = bench.workers("w", policy());
    let task = bench.ended(id).await;
    assert_eq!(bench.outcomes(id).await, [Some(Outcome::HandedBack)]);
    assert_eq!(task.summary.status, Status::Cancelled);
    assert_eq!(task.payload, Some(serde_json::json!({ "width": 1 })));
    workers.stop().await;
}

#[tokio::test]
async fn long_job_keeps_its_lease() {
    let bench = Bench::new().await;
    let workers = [bench.workers("w1", policy()), bench.workers("w2", policy())];
    let id = bench.create(&bench.owner, "listen").await;
    bench.running(id).await;
    // Three times the lease.
    sleep(Duration::from_millis(1800)).await;
    assert_eq!(bench.outcomes(id).await, [None], "nobody else has taken it");
    cancel(&bench, id).await;
    bench.ended(id).await;
    for workers in workers {
        workers.stop().await;
    }
}
