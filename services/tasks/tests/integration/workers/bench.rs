//! Jobs that succeed, fail, panic, hang and stop, and workers in this process that run them.

use crate::support::tools;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::Duration;
use tasks::jobs::Job;
use tasks::jobs::context::{Context, Tools, Unfinished};
use tasks::model::run::{End, Outcome};
use tasks::model::task::{Kind, Status, Task, TaskId};
use tasks::model::timestamp::Timestamp;
use tasks::model::usage::Bounds;
use tasks::model::user::{PasswordHash, Role, User, UserId, Username};
use tasks::store::work::Ending;
use tasks::store::{Change, NewUser, Options, Store, Target, open};
use tasks::work::{Metrics, Policy, Workers};
use tempfile::TempDir;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

pub(super) const BOUNDS: Bounds = Bounds { tasks: 100_000, pending: 100_000, bytes: 1 << 30 };
const SECOND: Duration = Duration::from_secs(1);
/// Before now on every clock.
const PAST: Timestamp = Timestamp::from_millis(1_700_000_000_000);

static CALLS: AtomicU32 = AtomicU32::new(0);
/// Ends the jobs of the type `gated`.
pub(super) static GATE: AtomicBool = AtomicBool::new(false);

const fn job(
    kind: &'static str,
    timeout: Duration,
    run: fn(Context) -> tasks::jobs::Running,
) -> Job {
    Job {
        kind: Kind::new(kind),
        schema: || serde_json::Value::Null,
        longest: 1024,
        for_admins: false,
        check: |_, _| Vec::new(),
        volatile: None,
        needs_isolation: false,
        timeout,
        run,
    }
}

static JOBS: &[Job] = &[
    job("file", SECOND, |context| {
        Box::pin(async move {
            context.report(7);
            let (task, fence) = (context.task.summary.id, context.fence);
            let put = context.tools.results.put(task, fence, "text/csv", b"a,b\r\n".to_vec());
            put.await.map(Some).map_err(|error| Unfinished::Failed(error.to_string()))
        })
    }),
    job("recorded", SECOND, |context| {
        Box::pin(async move {
            let (task, fence) = (context.task.summary.id, context.fence);
            let put = context.tools.results.put(task, fence, "text/csv", b"a,b\r\n".to_vec());
            let file = put.await.unwrap();
            let ending = Ending { end: End::Completed(Some(file.clone())), volatile: None };
            let recorded = context.tools.store.work().finish(context.task.run(), ending).await;
            recorded.unwrap().expect("the run is the last one");
            Ok(Some(file))
        })
    }),
    job("fail", SECOND, |_| Box::pin(async { Err(Unfinished::Failed("No.".into())) })),
    job("panic", SECOND, |_| Box::pin(async { panic!("a secret of the job") })),
    job("block", SECOND, |_| {
        Box::pin(async {
            // Longer than every test.
            thread::sleep(Duration::from_mins(1));
            Ok(None)
        })
    }),
    job("gated", SECOND, |_| {
        Box::pin(async {
            while !GATE.load(Ordering::SeqCst) {
                thread::sleep(Duration::from_millis(10));
            }
            Ok(None)
        })
    }),
    job("deaf", Duration::from_mins(1), |_| {
        Box::pin(async {
            thread::sleep(Duration::from_mins(1));
            Ok(None)
        })
    }),
    job("wait", Duration::from_millis(300), |_| {
        Box::pin(async {
            sleep(Duration::from_mins(1)).await;
            Ok(None)
        })
    }),
    job("listen", Duration::from_mins(1), |context| {
        Box::pin(async move {
            context.stopped().await;
            Err(Unfinished::Stopped)
        })
    }),
    job("stubborn", Duration::from_mins(1), |context| {
        Box::pin(async move {
            context.stopped().await;
            Ok(None)
        })
    }),
    job("twice", SECOND, |_| {
        Box::pin(async {
            if CALLS.fetch_add(1, Ordering::SeqCst) == 0 {
                return Err(Unfinished::Failed("The first time.".into()));
            }
            Ok(None)
        })
    }),
];

pub(super) struct Bench {
    pub(super) store: Arc<dyn Store>,
    pub(super) tools: Arc<Tools>,
    pub(super) owner: User,
    pub(super) folder: TempDir,
}

impl Bench {
    pub(super) async fn new() -> Self {
        Self::with(Options::default()).await
    }

    /// Changes of tasks are also messages for a broker.
    pub(super) async fn with_outbox() -> Self {
        Self::with(Options { outbox: true, ..Options::default() }).await
    }

    async fn with(options: Options) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&Target::SqliteMemory, options).await.unwrap();
        let clock = chassis::clock::Clock::system();
        let tools = Arc::new(tools(Arc::clone(&store), folder.path(), clock));
        let owner = user(&*store, "ada").await;
        Self { store, tools, owner, folder }
    }

    pub(super) fn workers(&self, name: &str, policy: Policy) -> Workers {
        self.counted_workers(name, policy, Metrics::default())
    }

    /// Workers that count in these metrics.
    pub(super) fn counted_workers(&self, name: &str, policy: Policy, metrics: Metrics) -> Workers {
        let workers = Workers::new(name.into(), policy, Arc::clone(&self.tools), metrics, None);
        workers.start();
        workers
    }

    pub(super) async fn create(&self, owner: &User, kind: &'static str) -> TaskId {
        let task = task(owner.id, kind);
        let id = task.summary.id;
        self.store.create_task(task, None, BOUNDS).await.unwrap();
        id
    }

    /// Waits until the task is as expected.
    pub(super) async fn until(&self, id: TaskId, expected: impl Fn(&Task) -> bool) -> Task {
        let wait = async {
            loop {
                let task = self.store.task(id).await.unwrap().unwrap();
                if expected(&task) {
                    return task;
                }
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(Duration::from_secs(20), wait).await.expect("the task does not become as expected")
    }

    /// Waits until a condition of the test holds.
    pub(super) async fn until_true(&self, what: &str, condition: impl Fn() -> bool) {
        let wait = async {
            while !condition() {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(Duration::from_secs(20), wait).await.unwrap_or_else(|_| panic!("no {what}"));
    }

    pub(super) async fn ended(&self, id: TaskId) -> Task {
        self.until(id, |task| task.summary.status.has_ended()).await
    }

    pub(super) async fn running(&self, id: TaskId) -> Task {
        self.until(id, |task| task.summary.status == Status::Processing).await
    }

    pub(super) async fn outcomes(&self, id: TaskId) -> Vec<Option<Outcome>> {
        let attempts = self.store.work().attempts(id).await.unwrap();
        attempts.into_iter().map(|attempt| attempt.outcome).collect()
    }
}

pub(super) fn policy() -> Policy {
    Policy {
        lease: Duration::from_millis(600),
        poll: Duration::from_millis(50),
        drain: Duration::from_secs(3),
        jobs: JOBS,
        ..Policy::default()
    }
}

pub(super) async fn user(store: &dyn Store, name: &str) -> User {
    let (id, username) = (UserId(Uuid::now_v7()), Username::parse(name).unwrap());
    let user = User { id, username, role: Role::User, created_at: PAST };
    let password = PasswordHash("first".into());
    assert!(store.create_user(NewUser { user: user.clone(), password }).await.unwrap());
    user
}

pub(super) fn task(owner: UserId, kind: &'static str) -> Task {
    let mut task = Task::new(TaskId(Uuid::now_v7()), owner, Kind::new(kind), PAST);
    task.summary.max_attempts = 2;
    task.payload = Some(serde_json::json!({}));
    task
}

/// Asks the job to stop, as the API does.
pub(super) async fn cancel(bench: &Bench, id: TaskId) {
    loop {
        let from = bench.store.task(id).await.unwrap().unwrap();
        let mut to = from.clone();
        to.summary.cancel(PAST).unwrap();
        to.touch(PAST);
        if bench.store.change_task(from, to, BOUNDS).await.unwrap() == Change::Done {
            return;
        }
    }
}
