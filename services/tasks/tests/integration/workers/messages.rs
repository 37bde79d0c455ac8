//! Workers that a broker wakes, and a broker that loses, doubles, reorders, delays and refuses messages.

use super::bench::{Bench, policy, user};
use super::broker::{Faults, MemoryBroker};
use std::sync::Arc;
use std::time::Duration;
use tasks::model::run::Outcome;
use tasks::model::task::{Status, TaskId};
use tasks::work::publisher::publish_all;
use tasks::work::{Line, Metrics, Policy, Workers};
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// The jobs of each of two users.
const JOBS: usize = 10;

/// Three workers and a publisher around one broker.
struct Machines {
    bench: Bench,
    broker: Arc<MemoryBroker>,
    workers: Vec<Workers>,
    publisher: JoinHandle<()>,
}

impl Machines {
    async fn start() -> Self {
        let bench = Bench::with_outbox().await;
        let broker = Arc::new(MemoryBroker::default());
        let context = chassis::Context::default();
        let line =
            Line { broker: Arc::clone(&broker) as _, condition: context.condition("broker") };
        let workers = ["w1", "w2", "w3"].map(|name| {
            let policy = Policy { slots: 2, lease: Duration::from_secs(10), ..policy() };
            let tools = Arc::clone(&bench.tools);
            let line = Some(line.clone());
            let workers = Workers::new(name.into(), policy, tools, Metrics::default(), line);
            workers.start();
            workers
        });
        let publisher = tokio::spawn(publish_all(Arc::clone(&bench.store), line));
        // The first look of each worker is over, so only messages begin a job soon.
        sleep(Duration::from_millis(200)).await;
        Self { bench, broker, workers: workers.into(), publisher }
    }

    async fn create(&self) -> Vec<TaskId> {
        let bob = user(&*self.bench.store, "bob").await;
        let mut ids = Vec::new();
        for _ in 0..JOBS {
            ids.push(self.bench.create(&self.bench.owner, "file").await);
            ids.push(self.bench.create(&bob, "file").await);
        }
        ids
    }

    /// Each job is completed, and was run once.
    async fn all_end_once(&self, ids: Vec<TaskId>) {
        for id in ids {
            assert_eq!(self.bench.ended(id).await.summary.status, Status::Completed);
            assert_eq!(self.bench.outcomes(id).await, [Some(Outcome::Completed)]);
        }
    }

    async fn stop(self) {
        self.publisher.abort();
        for workers in self.workers {
            workers.stop().await;
        }
    }
}

#[tokio::test]
async fn each_job_runs_once_and_no_message_is_left() {
    let machines = Machines::start().await;
    let ids = machines.create().await;
    machines.all_end_once(ids).await;
    let counts = machines.broker.counts();
    assert_eq!(counts.published as usize, 2 * JOBS);
    machines
        .bench
        .until_true("every message is done", || machines.broker.counts().done as usize == 2 * JOBS)
        .await;
    assert!(machines.bench.store.outbox().take(10, Duration::ZERO).await.unwrap().is_empty());
    machines.stop().await;
}

#[tokio::test]
async fn wrong_messages_change_nothing() {
    for faults in [
        Faults { doubles: true, ..Faults::default() },
        Faults { reorders: true, ..Faults::default() },
        Faults { delay: Duration::from_secs(1), ..Faults::default() },
    ] {
        let machines = Machines::start().await;
        machines.broker.set(faults);
        let ids = machines.create().await;
        machines.all_end_once(ids).await;
        assert_eq!(machines.broker.counts().published as usize, 2 * JOBS, "{faults:?}");
        machines.stop().await;
    }
}

#[tokio::test]
async fn jobs_run_while_the_broker_is_away() {
    let machines = Machines::start().await;
    machines.broker.set(Faults { is_away: true, ..Faults::default() });
    let ids = machines.create().await;
    machines.all_end_once(ids).await;
    assert!(machines.broker.counts().refused > 0, "the broker was asked");
    assert_eq!(machines.broker.counts().published, 0);
    machines.stop().await;
}

#[tokio::test]
async fn full_broker_receives_the_messages_later() {
    let machines = Machines::start().await;
    machines.broker.set(Faults { room: 3, delay: Duration::from_mins(1), ..Faults::default() });
    let ids = machines.create().await;
    machines.bench.until_true("a refusal", || machines.broker.counts().refused > 0).await;
    machines.all_end_once(ids).await;
    machines.broker.set(Faults::default());
    machines
        .bench
        .until_true("all messages", || machines.broker.counts().published as usize >= 2 * JOBS)
        .await;
    machines.stop().await;
}

#[tokio::test]
async fn purged_queue_loses_no_job() {
    let machines = Machines::start().await;
    machines.broker.set(Faults { delay: Duration::from_mins(1), ..Faults::default() });
    let ids = machines.create().await;
    machines
        .bench
        .until_true("all messages", || machines.broker.counts().published as usize == 2 * JOBS)
        .await;
    assert!(machines.broker.purge() > 0);
    machines.all_end_once(ids).await;
    machines.stop().await;
}
