//! The metrics of the jobs.

use super::abandoned::Abandoned;
use crate::model::run::Outcome;
use crate::model::task::Kind;
use crate::store::work::Queue;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use std::time::Duration;
use tokio::sync::oneshot::Receiver;

/// Upper bounds in seconds: from a wake-up in the same process to a queue that is far behind.
const PICKUP: [f64; 12] =
    [0.001, 0.005, 0.01, 0.025, 0.1, 0.5, 1.0, 5.0, 30.0, 120.0, 600.0, 3600.0];
/// Upper bounds in seconds, up to the longest time limit of a job.
const DURATION: [f64; 11] = [0.005, 0.01, 0.025, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 600.0];

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfType {
    r#type: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfStatus {
    status: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfRun {
    r#type: String,
    outcome: &'static str,
}

type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

/// The metrics of the workers of a process. A clone shares the values.
#[derive(Debug, Clone)]
pub struct Metrics {
    created: Family<OfType, Counter>,
    processed: Family<OfType, Counter>,
    failed: Family<OfType, Counter>,
    lost: Family<OfType, Counter>,
    duration: Histograms<OfRun>,
    pickup: Histograms<OfType>,
    stale: Family<OfType, Counter>,
    abandoned: Family<OfType, Counter>,
    abandoned_jobs: Abandoned,
    leases: Counter,
    queue: Family<OfStatus, Gauge>,
    oldest: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            created: Family::default(),
            processed: Family::default(),
            failed: Family::default(),
            lost: Family::default(),
            duration: Histograms::new_with_constructor(|| Histogram::new(DURATION)),
            pickup: Histograms::new_with_constructor(|| Histogram::new(PICKUP)),
            stale: Family::default(),
            abandoned: Family::default(),
            abandoned_jobs: Abandoned::default(),
            leases: Counter::default(),
            queue: Family::default(),
            oldest: Gauge::default(),
        }
    }
}

fn of(kind: &Kind) -> OfType {
    OfType { r#type: kind.as_str().to_owned() }
}

impl Metrics {
    /// Shows those of every process.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("tasks_created", "Tasks created", self.created.clone());
    }

    /// Shows those of a process that runs jobs.
    pub fn register_work(&self, registry: &mut Registry) {
        registry.register("tasks_processed", "Runs that ended, in any way", self.processed.clone());
        registry.register("tasks_failed", "Runs that failed", self.failed.clone());
        registry.register("tasks_lost", "Runs whose worker was lost", self.lost.clone());
        registry.register(
            "tasks_stale_results",
            "Ends of old runs that were dropped",
            self.stale.clone(),
        );
        registry.register("tasks_abandoned", "Jobs that did not stop", self.abandoned.clone());
        self.abandoned_jobs.register(registry);
        registry.register(
            "tasks_lease_losses",
            "Leases that this process has lost",
            self.leases.clone(),
        );
        let help = "Jobs of all users; pending ones are due, scheduled ones are not yet";
        registry.register("queue_length", help, self.queue.clone());
        let (help, unit) = ("Time since the oldest job that waits became due", Unit::Seconds);
        registry.register_with_unit("queue_oldest", help, unit, self.oldest.clone());
        let (help, unit) = ("Time of a run", Unit::Seconds);
        registry.register_with_unit("task_duration", help, unit, self.duration.clone());
        let (help, unit) =
            ("Time from the moment at which a job is due to its claim", Unit::Seconds);
        registry.register_with_unit("task_pickup", help, unit, self.pickup.clone());
    }

    /// A task was created.
    pub fn created(&self, kind: &Kind) {
        self.created.get_or_create(&of(kind)).inc();
    }

    pub(super) fn picked_up(&self, kind: &Kind, waited: Duration) {
        self.pickup.get_or_create(&of(kind)).observe(waited.as_secs_f64());
    }

    pub(super) fn ended(&self, kind: &Kind, outcome: Outcome, took: Duration) {
        let labels = OfRun { r#type: kind.as_str().to_owned(), outcome: outcome.as_str() };
        self.duration.get_or_create(&labels).observe(took.as_secs_f64());
        self.processed.get_or_create(&of(kind)).inc();
        if outcome == Outcome::Failed {
            self.failed.get_or_create(&of(kind)).inc();
        }
    }

    pub(super) fn stale(&self, kind: &Kind) {
        self.stale.get_or_create(&of(kind)).inc();
    }

    /// The worker of a run is lost.
    pub(super) fn lost(&self, kind: &Kind) {
        self.lost.get_or_create(&of(kind)).inc();
        self.processed.get_or_create(&of(kind)).inc();
    }

    /// A job did not stop. Its thread drops the sender of `end` when it ends.
    pub(super) fn abandoned<T: Send + 'static>(&self, kind: &Kind, end: Receiver<T>) {
        self.abandoned.get_or_create(&of(kind)).inc();
        self.abandoned_jobs.begin(end);
    }

    /// The abandoned jobs that still run.
    pub(super) fn abandoned_jobs(&self) -> &Abandoned {
        &self.abandoned_jobs
    }

    /// The figures of the whole queue.
    pub(super) fn queue(&self, queue: &Queue) {
        let counts = queue.all;
        for (status, jobs) in [
            ("pending", counts.pending.saturating_sub(counts.scheduled)),
            ("scheduled", counts.scheduled),
            ("processing", counts.processing),
            ("failed", counts.failed),
        ] {
            let jobs = i64::try_from(jobs).unwrap_or(i64::MAX);
            self.queue.get_or_create(&OfStatus { status }).set(jobs);
        }
        self.oldest.set(i64::try_from(counts.oldest_pending_seconds).unwrap_or(i64::MAX));
    }

    pub(super) fn lease_lost(&self) {
        self.leases.inc();
    }
}
