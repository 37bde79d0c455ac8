//! The workers, with jobs that succeed, fail, panic, hang and stop.

use crate::support::tools;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;
use tasks::jobs::Job;
use tasks::jobs::cleanup_temp::{Retentions, clean};
use tasks::jobs::context::{Context, Tools, Unfinished};
use tasks::model::run::{End, Outcome};
use tasks::model::task::{Kind, Status, Task, TaskId};
use tasks::model::timestamp::Timestamp;
use tasks::model::usage::Bounds;
use tasks::model::user::{PasswordHash, Role, User, UserId, Username};
use tasks::store::work::{Ending, Wanted};
use tasks::store::{Change, NewUser, Options, Store, Target, open};
use tasks::work::{Metrics, Policy, Workers};
use tempfile::TempDir;
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

const BOUNDS: Bounds = Bounds { tasks: 100_000, pending: 100_000, bytes: 1 << 30 };
const SECOND: Duration = Duration::from_secs(1);
/// Before now on every clock.
const PAST: Timestamp = Timestamp::from_millis(1_700_000_000_000);

static CALLS: AtomicU32 = AtomicU32::new(0);

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
            let end = End::Completed(Some(file.clone()));
            let recorded = context
                .tools
                .store
                .work()
                .finish(context.task.run(), Ending { end, volatile: None });
            recorded.await.unwrap().expect("the run is the last one");
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

struct Bench {
    store: Arc<dyn Store>,
    tools: Arc<Tools>,
    owner: User,
    folder: TempDir,
}

impl Bench {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&Target::SqliteMemory, Options::default()).await.unwrap();
        let clock = chassis::clock::Clock::system();
        let tools = Arc::new(tools(Arc::clone(&store), folder.path(), clock));
        let owner = user(&*store, "ada").await;
        Self { store, tools, owner, folder }
    }

    fn workers(&self, name: &str, policy: Policy) -> Workers {
        let workers =
            Workers::new(name.into(), policy, Arc::clone(&self.tools), Metrics::default());
        workers.start();
        workers
    }

    async fn create(&self, owner: &User, kind: &'static str) -> TaskId {
        let task = task(owner.id, kind);
        let id = task.summary.id;
        self.store.create_task(task, None, BOUNDS).await.unwrap();
        id
    }

    /// Waits until the task is as expected.
    async fn until(&self, id: TaskId, expected: impl Fn(&Task) -> bool) -> Task {
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

    async fn ended(&self, id: TaskId) -> Task {
        self.until(id, |task| task.summary.status.has_ended()).await
    }

    async fn running(&self, id: TaskId) -> Task {
        self.until(id, |task| task.summary.status == Status::Processing).await
    }

    async fn outcomes(&self, id: TaskId) -> Vec<Option<Outcome>> {
        let attempts = self.store.work().attempts(id).await.unwrap();
        attempts.into_iter().map(|attempt| attempt.outcome).collect()
    }
}

fn policy() -> Policy {
    Policy {
        lease: Duration::from_millis(600),
        poll: Duration::from_millis(50),
        drain: Duration::from_secs(3),
        jobs: JOBS,
        ..Policy::default()
    }
}

async fn user(store: &dyn Store, name: &str) -> User {
    let (id, username) = (UserId(Uuid::now_v7()), Username::parse(name).unwrap());
    let user = User { id, username, role: Role::User, created_at: PAST };
    let password = PasswordHash("first".into());
    assert!(store.create_user(NewUser { user: user.clone(), password }).await.unwrap());
    user
}

fn task(owner: UserId, kind: &'static str) -> Task {
    let mut task = Task::new(TaskId(Uuid::now_v7()), owner, Kind::new(kind), PAST);
    task.summary.max_attempts = 2;
    task.payload = Some(serde_json::json!({}));
    task
}

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

/// Asks the job to stop, as the API does.
async fn cancel(bench: &Bench, id: TaskId) {
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
    let workers = bench.workers("w", policy());
    let task = bench.ended(id).await;
    assert_eq!((task.summary.status, task.summary.attempts), (Status::Completed, 1));
    assert_eq!((task.runs.fence, task.runs.crashes), (2, 1));
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

fn files(bench: &Bench) -> usize {
    let tasks = std::fs::read_dir(bench.folder.path().join("results")).unwrap();
    tasks.map(|task| std::fs::read_dir(task.unwrap().path()).map_or(0, Iterator::count)).sum()
}

/// The rows: what is kept, and the tasks and files that are left of a job with a file, a failed job and a manual task.
#[tokio::test]
async fn cleanup_keeps_what_is_not_past_its_retention() {
    let bench = Bench::new().await;
    let workers = bench.workers("w", policy());
    let (file, failed) =
        (bench.create(&bench.owner, "file").await, bench.create(&bench.owner, "fail").await);
    let manual = bench.create(&bench.owner, "manual").await;
    for id in [file, failed] {
        bench.ended(id).await;
    }
    workers.stop().await;
    // Another file, which no task has. It is younger than a day, so it stays.
    bench.tools.results.put(TaskId(Uuid::now_v7()), 1, "text/csv", Vec::new()).await.unwrap();
    let (none, long) = (Duration::ZERO, Duration::from_hours(1));
    for (kept, tasks, number_of_files) in [
        (Retentions { results: long, jobs: long, events: long }, [true, true, true], 2),
        (Retentions { results: none, jobs: long, events: none }, [true, true, true], 1),
        (Retentions { results: none, jobs: none, events: none }, [false, false, true], 1),
    ] {
        clean(&bench.tools, kept, |_| Ok(())).await.unwrap();
        let mut found = Vec::new();
        for id in [file, failed, manual] {
            found.push(bench.store.task(id).await.unwrap().is_some());
        }
        assert_eq!((&*found, files(&bench)), (&tasks[..], number_of_files), "{kept:?}");
        if let Some(task) = bench.store.task(file).await.unwrap() {
            assert_eq!(task.summary.has_result, kept.results > none, "{kept:?}");
        }
    }
    let page = bench.store.events().events_after(bench.owner.id, Some(0), 100).await.unwrap();
    // Only the removals of the last cleanup are younger than its beginning.
    assert!(page.numbers.removed_up_to > 0 && page.events.len() <= 2, "{page:?}");
}

#[tokio::test]
async fn cleanup_stops_between_two_parts() {
    let bench = Bench::new().await;
    let stopped = clean(&bench.tools, Retentions::default(), |_| Err(Unfinished::Stopped)).await;
    assert_eq!(stopped, Err(Unfinished::Stopped));
}
