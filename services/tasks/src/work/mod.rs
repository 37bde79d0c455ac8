//! The workers: they claim jobs, run them, and record how they end.
//!
//! * `abandoned`: the jobs that did not stop.
//! * `claims`: claims a job whenever a slot is free.
//! * `run`: runs one job in a thread of its own, until it ends or must stop.
//! * `duties`: the daily cleanup by one leader, and the figures of the queue.
//! * `feed`: the wake-ups, from the database or from a broker.
//! * `publisher`: sends the messages of the outbox to the broker.
//! * `keeper`: renews the leases, tells runs to stop, and takes jobs from workers that are lost.
//!
//! A run may end in any way and at any time: its process can be killed, and another worker takes over after the lease. So the
//! work of a job can be done twice. It is recorded once, because a run ends only under the fence of its claim.

mod abandoned;
mod claims;
mod duties;
mod feed;
mod keeper;
mod metrics;
pub mod publisher;
mod run;

pub use self::feed::Line;
pub use self::metrics::Metrics;

use self::feed::Feed;
use crate::broker::Message;
use crate::jobs::cleanup_temp::Retentions;
use crate::jobs::context::{Stop, Tools};
use crate::jobs::{JOBS, Job};
use crate::model::run::Run;
use crate::model::task::Kind;
use crate::store::work::Wanted;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Mutex as AsyncMutex, Notify, Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout_at};

/// The time before the end of the drain at which the jobs that still run are told to stop.
const HAND_BACK: Duration = Duration::from_secs(2);

/// How a process works.
#[derive(Debug, Clone)]
pub struct Policy {
    /// The jobs that run at once.
    pub slots: usize,
    /// The most runs of a type at once, in all processes.
    pub limits: Vec<(Kind, u32)>,
    /// The most runs of one user at once, in all processes.
    pub per_user: u32,
    /// The time after which another worker may take a job.
    pub lease: Duration,
    /// The time between two looks at the queue without a wake-up.
    pub poll: Duration,
    /// The time of the process to stop.
    pub drain: Duration,
    /// How long data is kept.
    pub retentions: Retentions,
    /// Whether this machine can isolate a process.
    pub can_isolate: bool,
    /// The types of jobs.
    pub jobs: &'static [Job],
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            slots: 4,
            limits: Vec::new(),
            per_user: u32::MAX,
            lease: Duration::from_secs(30),
            poll: Duration::from_secs(1),
            drain: Duration::from_secs(20),
            retentions: Retentions::default(),
            can_isolate: true,
            jobs: JOBS,
        }
    }
}

/// The state that the parts of the workers share.
struct Shared {
    /// The name of this process in the database, which no other process has.
    worker: String,
    policy: Policy,
    tools: Arc<Tools>,
    metrics: Metrics,
    slots: Arc<Semaphore>,
    runs: Mutex<HashMap<Run, watch::Sender<Option<Stop>>>>,
    feed: Feed,
    /// The messages that began these runs.
    messages: Mutex<HashMap<Run, Message>>,
    /// Held from the beginning of a claim until its run is in `runs`.
    claiming: AsyncMutex<()>,
    /// The moment of the stop signal.
    drain: watch::Sender<Option<Instant>>,
    /// A run has ended.
    ended: Notify,
}

/// The workers of a process.
pub struct Workers {
    shared: Arc<Shared>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

impl fmt::Debug for Workers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workers").field("worker", &self.shared.worker).finish_non_exhaustive()
    }
}

impl Workers {
    /// Workers that have not begun. Without a broker, the database wakes them.
    #[must_use]
    pub fn new(
        worker: String,
        policy: Policy,
        tools: Arc<Tools>,
        metrics: Metrics,
        line: Option<Line>,
    ) -> Self {
        let feed = match line {
            Some(line) => Feed::of_broker(line),
            None => Feed::Database(Arc::clone(&tools.store), policy.poll),
        };
        let shared = Shared {
            worker,
            slots: Arc::new(Semaphore::new(policy.slots)),
            policy,
            tools,
            metrics,
            feed,
            runs: Mutex::default(),
            messages: Mutex::default(),
            claiming: AsyncMutex::default(),
            drain: watch::Sender::new(None),
            ended: Notify::new(),
        };
        Self { shared: Arc::new(shared), tasks: Mutex::default() }
    }

    /// Begins to claim jobs.
    pub fn start(&self) {
        let claims = tokio::spawn(claims::claim_all(Arc::clone(&self.shared)));
        let keeper = tokio::spawn(keeper::keep(Arc::clone(&self.shared)));
        let duties = tokio::spawn(duties::attend(Arc::clone(&self.shared)));
        let messages = tokio::spawn(keeper::keep_messages(Arc::clone(&self.shared)));
        let shared = Arc::clone(&self.shared);
        let receiver = tokio::spawn(async move { shared.feed.receive().await });
        lock(&self.tasks).extend([claims, keeper, duties, messages, receiver]);
    }

    /// Claims no more jobs. Those that run go on.
    pub fn drain(&self) {
        self.shared.drain.send_if_modified(|since| {
            let first = since.is_none();
            since.get_or_insert_with(Instant::now);
            first
        });
    }

    /// Waits for the jobs that run. Those that do not end in time are handed back.
    pub async fn stop(&self) {
        self.drain();
        let began = self.shared.drain.borrow().unwrap_or_else(Instant::now);
        let end = began + self.shared.policy.drain;
        let hand_back = end.checked_sub(HAND_BACK).unwrap_or(began);
        if timeout_at(hand_back, self.shared.idle()).await.is_err() {
            for stop in lock(&self.shared.runs).values() {
                stop.send_if_modified(|stop| stop.replace(Stop::Drained).is_none());
            }
            // The database can be away. Then the leases end.
            let _ = timeout_at(end + HAND_BACK, self.shared.idle()).await;
        }
        for task in std::mem::take(&mut *lock(&self.tasks)) {
            task.abort();
        }
    }
}

impl Shared {
    fn wanted(&self) -> Wanted {
        let offered = self.policy.jobs.iter().filter(|job| job.is_offered(self.policy.can_isolate));
        let known = offered.map(|job| job.kind.clone());
        Wanted {
            worker: self.worker.clone(),
            kinds: known.collect(),
            limits: self.policy.limits.clone(),
            per_user: self.policy.per_user,
            lease: self.policy.lease,
        }
    }

    /// The job of a type that this process runs.
    fn job(&self, kind: &Kind) -> Option<&'static Job> {
        self.policy.jobs.iter().find(|job| job.kind == *kind)
    }

    fn is_draining(&self) -> bool {
        self.drain.borrow().is_some()
    }

    /// Waits for the stop signal.
    async fn draining(&self) {
        // The sender is in `self`, so the channel is open.
        let _ = self.drain.subscribe().wait_for(Option::is_some).await;
    }

    /// Waits until no job runs.
    async fn idle(&self) {
        loop {
            let ended = self.ended.notified();
            if lock(&self.runs).is_empty() {
                return;
            }
            ended.await;
        }
    }

    /// Sleeps, but not longer than until the stop signal.
    async fn rest(&self, until: Instant) {
        tokio::select! {
            () = sleep_until(until) => {}
            () = self.draining() => {}
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
