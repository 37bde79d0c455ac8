//! Random sequences of the operations on the work. After each one, the store is compared with rules that know no SQL.

mod expected;
mod operations;

use self::expected::{Expected, Lease};
use self::operations::{JOBS, Operation, operation};
use super::cases::WIDE;
use super::create;
use chassis::databases::{Postgres, can_start};
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use tasks::model::run::{End, Run};
use tasks::model::task::{Kind, Task, TaskId};
use tasks::model::timestamp::Timestamp;
use tasks::model::user::User;
use tasks::store::work::{Ending, Wanted, Work};
use tasks::store::{Change, Options, Store, Target, migrate, open};
use tokio::runtime::Runtime;
use uuid::Uuid;

/// Before now on every clock.
const PAST: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// Set it to a number of sequences that are different each time. Otherwise they are the same, so that each operation is there.
const RANDOM: &str = "SEQUENCES";
/// The operations that the sequences contain, with and without an effect.
const EXPECTED: [&str; 15] = [
    "claim",
    "claim changes nothing",
    "expire",
    "expire changes nothing",
    "end by a crash",
    "finish as failed",
    "finish as failed changes nothing",
    "finish as completed",
    "finish as completed changes nothing",
    "finish as handed_back",
    "renew",
    "renew changes nothing",
    "cancel",
    "retry",
    "retry all",
];

/// How often each operation changed something, or nothing.
type Seen = Arc<Mutex<BTreeMap<String, u32>>>;

struct Sequence<'a> {
    store: &'a dyn Store,
    /// The type of its jobs, which no other sequence has.
    kind: Kind,
    expected: Expected,
    seen: Seen,
}

impl Sequence<'_> {
    fn saw(&self, operation: &str, changed: bool) {
        let name = format!("{operation}{}", if changed { "" } else { " changes nothing" });
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner).entry(name).or_default() += 1;
    }

    fn work(&self) -> &dyn Work {
        self.store.work()
    }

    /// The time of the database, in the next millisecond. So a short lease is over, and no two changes are simultaneous.
    async fn next_moment(&self) -> Timestamp {
        let before = self.work().now().await.unwrap();
        loop {
            let now = self.work().now().await.unwrap();
            if now > before {
                return now;
            }
        }
    }

    async fn apply(&mut self, operation: Operation) {
        let now = self.next_moment().await;
        match operation {
            Operation::Claim(lease) => drop(self.claim(lease, now).await),
            Operation::Lose => {
                let Some(run) = self.claim(Lease::Over, now).await else { return };
                let now = self.next_moment().await;
                self.expire(run, now).await;
            }
            Operation::Renew(place, lease) => {
                let Some(run) = self.expected.run(place) else { return };
                self.work().renew(vec![run], lease.duration()).await.unwrap();
                let renewed = self.expected.renew(run, lease);
                self.saw("renew", renewed);
            }
            Operation::Finish(place, end) => {
                let Some(run) = self.expected.run(place) else { return };
                let name = format!("finish as {}", end.outcome().as_str());
                let ending = Ending { end: end.clone(), volatile: None };
                let task = self.work().finish(run, ending).await.unwrap();
                let changed = self.expected.end(run, end, false, now);
                self.ended(&name, run, task, changed);
            }
            Operation::Expire(place) => {
                let Some(run) = self.expected.run(place) else { return };
                self.expire(run, now).await;
            }
            Operation::Cancel(job) => {
                self.change("cancel", job, |task| task.summary.cancel(now).is_ok(), now).await;
            }
            Operation::Retry(job) => {
                self.change("retry", job, |task| task.retry(None).is_ok(), now).await;
            }
            Operation::MakeDue(job) => {
                let make_due =
                    |task: &mut Task| task.is_pending_job() && task.summary.run_at.take().is_some();
                self.change("make due", job, make_due, now).await;
            }
            Operation::RetryFailed => {
                let retried = self.work().retry_failed(self.kind.clone(), None).await.unwrap();
                assert_eq!(retried, self.expected.retry_failed(now));
                self.saw("retry all", retried > 0);
            }
            Operation::Pause(paused) => {
                self.work().pause(self.kind.clone(), paused).await.unwrap();
                self.expected.paused = paused;
            }
        }
    }

    async fn claim(&mut self, lease: Lease, now: Timestamp) -> Option<Run> {
        let wanted = Wanted {
            worker: "w".into(),
            kinds: vec![self.kind.clone()],
            limits: Vec::new(),
            per_user: 1000,
            lease: lease.duration(),
        };
        let claimed = self.work().claim(wanted).await.unwrap();
        let run = claimed.map(|claimed| claimed.task.run());
        assert_eq!(run, self.expected.claim(lease, now), "the claimed run");
        self.saw("claim", run.is_some());
        run
    }

    async fn expire(&mut self, run: Run, now: Timestamp) {
        let found = self.work().expired().await.unwrap().contains(&run);
        assert_eq!(found, self.expected.is_expired(run), "whether the lease is over");
        let ending = Ending { end: End::Lost, volatile: None };
        let task = self.work().expire(run, ending).await.unwrap();
        let changed = self.expected.end(run, End::Lost, true, now);
        let is_poison = task.as_ref().is_some_and(|task| task.summary.status.has_ended());
        self.ended(if is_poison { "end by a crash" } else { "expire" }, run, task, changed);
    }

    fn ended(&self, name: &str, run: Run, task: Option<Task>, changed: bool) {
        assert_eq!(task.is_some(), changed, "{name}: {run:?}");
        assert!(task.is_none_or(|task| task.run() == run));
        self.saw(name, changed);
    }

    /// Changes a task as the API does.
    async fn change(
        &mut self,
        name: &str,
        job: usize,
        change: impl FnOnce(&mut Task) -> bool,
        now: Timestamp,
    ) {
        let task = &mut self.expected.tasks[job];
        let from = self.store.task(task.summary.id).await.unwrap().unwrap();
        let mut to = from.clone();
        let changed = change(&mut to);
        if changed {
            to.touch(now);
            *task = to.clone();
            let done = self.store.change_task(from, to, WIDE).await.unwrap();
            assert_eq!(done, Change::Done);
        }
        self.saw(name, changed);
    }

    /// Compares the tasks, the queue and the events.
    async fn compare(&self) {
        for task in &self.expected.tasks {
            let stored = self.store.task(task.summary.id).await.unwrap().unwrap();
            assert_eq!(expected::facts(&stored), expected::facts(task));
        }
        let queue = self.work().queue().await.unwrap();
        let counts = queue.by_type.get(self.kind.as_str()).copied().unwrap_or_default();
        let counts = (counts.pending, counts.processing, counts.failed);
        assert_eq!(counts, self.expected.counts());
        for (user, number) in self.expected.last_events() {
            let last = self.store.events().last_numbers(vec![user]).await.unwrap();
            assert_eq!(last, [(user, number)], "each visible change is one event");
        }
    }

    /// Compares the ends of all runs.
    async fn compare_runs(&self) {
        for task in &self.expected.tasks {
            let attempts = self.work().attempts(task.summary.id).await.unwrap();
            let outcomes: Vec<_> = attempts.iter().rev().map(|attempt| attempt.outcome).collect();
            assert_eq!(outcomes, self.expected.outcomes(task.summary.id));
        }
    }
}

async fn run(store: &dyn Store, operations: Vec<Operation>, seen: Seen) {
    static USERS: AtomicU32 = AtomicU32::new(0);
    let number = USERS.fetch_add(1, Ordering::Relaxed);
    let users: [User; 2] = [
        create(store, &format!("sequence-ada-{number}")).await,
        create(store, &format!("sequence-bob-{number}")).await,
    ];
    let kind = Kind::read(format!("sequence-{number}"));
    let mut tasks = Vec::new();
    for (owner, priority) in JOBS {
        let mut task = Task::new(TaskId(Uuid::now_v7()), users[owner].id, kind.clone(), PAST);
        task.summary.priority = priority;
        task.summary.max_attempts = 3;
        task.payload = Some(json!({}));
        store.create_task(task.clone(), None, WIDE).await.unwrap();
        tasks.push(task);
    }
    let mut sequence = Sequence { store, kind, expected: Expected::new(tasks), seen };
    for operation in operations {
        sequence.apply(operation).await;
        sequence.compare().await;
    }
    sequence.compare_runs().await;
    for user in users {
        assert!(store.delete_user(user.id, PAST).await.unwrap());
    }
}

/// Runs sequences on one database.
fn check(runtime: &Runtime, store: &Arc<dyn Store>, cases: u32) {
    let random = std::env::var(RANDOM).ok().map(|cases| cases.parse().unwrap());
    let cases = random.unwrap_or(cases);
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = TestRunner::new(config.clone());
    if random.is_none() {
        runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    }
    let seen = Seen::default();
    let sequences = prop::collection::vec(operation(), 20..50);
    let result = runner.run(&sequences, |operations| {
        runtime.block_on(run(&**store, operations, Arc::clone(&seen)));
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    let seen = seen.lock().unwrap();
    println!("{cases} sequences: {seen:#?}");
    for operation in EXPECTED {
        assert!(seen.contains_key(operation), "never: {operation}");
    }
}

#[test]
fn sequences_on_sqlite_agree_with_the_rules() {
    let runtime = Runtime::new().unwrap();
    let store = runtime.block_on(open(&Target::SqliteMemory, Options::default())).unwrap();
    check(&runtime, &store, 32);
}

#[test]
fn sequences_on_postgresql_agree_with_the_rules() {
    if !can_start("sequences::sequences_on_postgresql_agree_with_the_rules") {
        return;
    }
    let server = Postgres::start(&[]);
    let target = Target::parse(&server.url("postgres")).unwrap();
    let runtime = Runtime::new().unwrap();
    runtime.block_on(migrate(&target)).unwrap();
    let store = runtime.block_on(open(&target, Options::default())).unwrap();
    check(&runtime, &store, 16);
}
