//! `generate_report` with many tasks.
//!
//! The peak of the memory is `VmHWM` of a process that does nothing else. So the test runs itself again as a child.

mod check;

use self::check::{TITLES, check_csv, check_json};
use super::jobs::{Bench, Ended, files_below, run};
use super::later;
use crate::cases::manual;
use chassis::databases::{Postgres, can_start};
use futures_util::TryStreamExt;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, SqliteConnection};
use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};
use tasks::jobs::context::{Stop, Unfinished};
use tasks::model::mail::DailyLimit;
use tasks::model::task::{Status, Task};
use tasks::model::usage::Bounds;
use tasks::store::{Creation, Options, Target, migrate, open};

const TASKS: u64 = 100_000;
const CHILD: &str = "REPORT_TEST_DATABASE";
const LONG: Duration = Duration::from_mins(5);
const WIDE: Bounds = Bounds { tasks: 1_000_000, pending: 1_000_000, bytes: 1 << 40 };

fn table(format: &str, values: &str, source: &str) -> String {
    format!(
        "INSERT INTO tasks (id, user_id, type, status, priority, attempts, max_attempts, version, created_at, \
        updated_at, title, description, search) {format} SELECT {values}, $1, 'manual', 'pending', 1, 0, 5, 1, \
        1700000000000 + i, 1700000000000 + i, 'Task ' || i, 'A description of a usual length, which is repeated. ' || \
        'A description of a usual length, which is repeated. ' || i, '' FROM {source}"
    )
}

/// Stores many tasks by one statement. They are older than all others.
async fn fill(url: &str, user: uuid::Uuid, tasks: u64) {
    if url.starts_with("sqlite") {
        let mut connection = SqliteConnection::connect(url).await.unwrap();
        let n = format!(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {tasks})"
        );
        let sql = table(&n, "unhex('01950000000070008000' || printf('%012x', i))", "n");
        sqlx::query(AssertSqlSafe(sql)).bind(user).execute(&mut connection).await.unwrap();
    } else {
        let mut connection = PgConnection::connect(url).await.unwrap();
        let id = "('01950000-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid";
        let sql = table("", id, &format!("generate_series(1, {tasks}) AS n(i)"));
        sqlx::query(AssertSqlSafe(sql)).bind(user).execute(&mut connection).await.unwrap();
        connection.execute("ANALYZE tasks").await.unwrap();
    }
}

/// A number of kB in a file of `/proc`.
fn kilobytes(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

async fn report(bench: &Bench, payload: Value) -> Ended {
    let task = bench.task("generate_report", payload);
    run(bench.context(&task, "a@localhost", bench.files(), LONG).0).await
}

fn path(bench: &Bench, ended: Ended) -> PathBuf {
    let file = ended.unwrap().unwrap();
    let path = bench.results().join(&file.key);
    assert_eq!(fs::metadata(&path).unwrap().len(), file.bytes);
    path
}

/// The work of the child.
async fn measure(url: &str) {
    let target = Target::parse(url).unwrap();
    let store = open(&target, Options::default()).await.unwrap();
    let bench = Bench::on(store).await;
    fill(url, bench.user.id.0, TASKS).await;
    for (title, _) in TITLES {
        let mut task = manual(&bench.user);
        task.summary.title = Some(title.into());
        assert_eq!(bench.store.create_task(task, None, WIDE).await.unwrap(), Creation::Created);
    }
    let empty = path(&bench, report(&bench, json!({ "format": "json", "status": "failed" })).await);
    assert_eq!(fs::read_to_string(empty).unwrap(), "[\n]\n");

    let start = Instant::now();
    let sql = "SELECT * FROM tasks WHERE user_id = $1 ORDER BY id";
    let mut rows = 0;
    if url.starts_with("sqlite") {
        let mut connection = SqliteConnection::connect(url).await.unwrap();
        let mut stream = sqlx::query(sql).bind(bench.user.id.0).fetch(&mut connection);
        while stream.try_next().await.unwrap().is_some() {
            rows += 1;
        }
    } else {
        let mut connection = PgConnection::connect(url).await.unwrap();
        let mut stream = sqlx::query(sql).bind(bench.user.id.0).fetch(&mut connection);
        while stream.try_next().await.unwrap().is_some() {
            rows += 1;
        }
    }
    assert_eq!(rows, TASKS + TITLES.len() as u64);
    let select = start.elapsed();

    for format in ["csv", "json"] {
        // Sets the peak to the memory of now.
        fs::write("/proc/self/clear_refs", "5").unwrap();
        let (before, start) = (kilobytes("VmRSS:"), Instant::now());
        let path = path(&bench, report(&bench, json!({ "format": format })).await);
        let (time, grown) = (start.elapsed(), kilobytes("VmHWM:").saturating_sub(before));
        let bytes = fs::metadata(&path).unwrap().len();
        let ratio = time.as_secs_f64() / select.as_secs_f64();
        println!(
            "{format}: {bytes} bytes, VmHWM grew by {grown} kB, {ratio:.1} x SELECT {select:?}"
        );
        assert!(bytes > 30 << 20, "{bytes}");
        assert!(grown < 24 << 10, "the file is larger than the memory: {grown} kB");
        if format == "csv" { check_csv(&path, TASKS) } else { check_json(&path, TASKS) }
    }
    bench.store.close().await;
}

/// Runs this test again in a process of its own.
async fn in_a_child(test: &str, url: &str) {
    if let Ok(url) = env::var(CHILD) {
        measure(&url).await;
        return;
    }
    // Other tests at the same time have time limits.
    let mut child = Command::new("nice");
    child
        .args(["-n", "19"])
        .arg(env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(CHILD, url);
    let output = child.output().unwrap();
    let shown = String::from_utf8_lossy(&output.stdout);
    println!("{shown}{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success());
    assert!(shown.contains("csv: ") && shown.contains("json: "), "the child has measured");
}

#[tokio::test]
async fn memory_is_bounded_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("state/tasks.db").display());
    in_a_child("report::memory_is_bounded_on_sqlite", &url).await;
}

#[tokio::test]
async fn memory_is_bounded_on_postgresql() {
    let test = "report::memory_is_bounded_on_postgresql";
    if env::var(CHILD).is_ok() {
        return in_a_child(test, "").await;
    }
    if !can_start(test) {
        return;
    }
    let server = Postgres::start(&[]);
    let url = server.url("postgres");
    migrate(&Target::parse(&url).unwrap()).await.unwrap();
    in_a_child(test, &url).await;
}

/// A file of SQLite with this many tasks.
async fn small(tasks: u64) -> (tempfile::TempDir, Bench) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tasks.db");
    let store = open(&Target::SqliteFile(path.clone()), Options::default()).await.unwrap();
    let mut bench = Bench::on(store).await;
    bench.limit = DailyLimit { user: 1, all: 1 };
    fill(&format!("sqlite:{}", path.display()), bench.user.id.0, tasks).await;
    (folder, bench)
}

#[tokio::test]
async fn stopped_report_leaves_no_file() {
    let (_folder, bench) = small(20_000).await;
    let task = bench.task("generate_report", json!({ "format": "csv" }));
    let (context, stop) = bench.context(&task, "a@localhost", bench.files(), LONG);
    let seen = context.clone();
    let stopping = async {
        while seen.progress() == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        stop.send(Some(Stop::Drained)).unwrap();
    };
    let (ended, ()) = tokio::join!(run(context), stopping);
    assert_eq!(ended, Err(Unfinished::Stopped));
    assert!((1..20_000).contains(&seen.progress()), "{}", seen.progress());
    let empty = async {
        while !files_below(&bench.results()).is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), empty).await.unwrap();
}

#[tokio::test]
async fn changes_in_the_meantime_hide_no_other_task() {
    let (_folder, bench) = small(3000).await;
    let task = bench.task("generate_report", json!({ "format": "json" }));
    let (context, _stop) = bench.context(&task, "a@localhost", bench.files(), LONG);
    let changing = async {
        let old = |at: u128| {
            tasks::model::task::TaskId(uuid::Uuid::from_u128(
                (0x0195 << 112) | (0x7000_8000 << 48) | at,
            ))
        };
        // The last page is read last.
        for at in (2..=3000).rev().step_by(2) {
            let task: Task = bench.store.task(old(at)).await.unwrap().unwrap();
            bench.store.delete_task(task).await.unwrap();
            let mut task = manual(&bench.user);
            task.summary.created_at = later(7200);
            bench.store.create_task(task, None, WIDE).await.unwrap();
        }
    };
    let (ended, ()) = tokio::join!(run(context), changing);
    let path = path(&bench, ended);
    let found: Vec<Value> = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let titles: Vec<_> = found.iter().map(|task| task["title"].as_str().unwrap()).collect();
    let odd: Vec<_> = (1..=3000).step_by(2).map(|at| format!("Task {at}")).collect();
    let kept: Vec<_> = titles.iter().filter(|title| odd.iter().any(|one| one == *title)).collect();
    assert_eq!(kept, odd.iter().collect::<Vec<_>>());
    let mut once = titles.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), titles.len(), "no task is repeated, and no new one is in the report");
    assert!(titles.len() < 3000, "some tasks were deleted before their page");
}

/// A report contains only tasks that the user owns, in the state of the filter.
#[tokio::test]
async fn report_is_of_the_owner_and_the_status() {
    let (_folder, bench) = small(3).await;
    let other = crate::create(&*bench.store, "other").await;
    let mut assigned = manual(&other);
    assigned.summary.assignee_id = Some(bench.user.id);
    let done = |user| {
        let mut task = manual(user);
        (task.summary.status, task.summary.title) = (Status::Completed, Some("Done".into()));
        task
    };
    for task in [assigned, done(&other), done(&bench.user)] {
        bench.store.create_task(task, None, WIDE).await.unwrap();
    }
    for (payload, expected) in [
        (json!({ "format": "json" }), &["Task 1", "Task 2", "Task 3", "Done"][..]),
        (json!({ "format": "json", "status": "completed" }), &["Done"]),
        (json!({ "format": "json", "status": "failed" }), &[]),
    ] {
        let path = path(&bench, report(&bench, payload).await);
        let found: Vec<Value> = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        let titles: Vec<_> = found.iter().map(|task| task["title"].as_str().unwrap()).collect();
        assert_eq!(titles, expected);
    }
    let file = report(&bench, json!({ "format": "csv", "status": "failed" })).await;
    let text = fs::read_to_string(path(&bench, file)).unwrap();
    assert_eq!(text.lines().count(), 1, "only the header: {text}");
    let invalid = report(&bench, json!({ "format": "xml" })).await;
    assert_eq!(invalid, Err(Unfinished::Failed("the payload is not valid".into())));
}
