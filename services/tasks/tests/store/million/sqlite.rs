//! SQLite.

use super::{NEEDED, TASKS, Work, check_search, kinds_of_lists, measured};
use sqlx::sqlite::{Sqlite, SqliteConnectOptions, SqliteConnection};
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, Execute as _, Executor as _, QueryBuilder,
};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use tasks::model::listing::{Query, Start};
use tasks::store::{Options, Target, open, sqlite_list};
use tempfile::TempDir;

/// The tables of the service without tasks.
pub(crate) async fn migrated() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tasks.db");
    open(&Target::SqliteFile(path.clone()), Options::default()).await.unwrap().close().await;
    (folder, path)
}

pub(crate) async fn connect(path: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(path).foreign_keys(false).connect().await.unwrap()
}

/// A row of `EXPLAIN QUERY PLAN`: its id, the id of its parent, and a text.
type Step = (i64, i64, i64, String);

/// The reads of more than a range.
fn faults(plan: &[Step]) -> Vec<&str> {
    let sorts = |parent| {
        let mut steps = plan.iter().filter(move |step| step.1 == parent);
        steps.any(|step| step.3.starts_with("USE TEMP B-TREE"))
    };
    let faulty = plan.iter().filter(|(_, parent, _, text)| {
        let reads = text.starts_with("SCAN tasks") || text.starts_with("SEARCH tasks");
        let is_lookup = text.ends_with("(id=?)");
        // Such an index has all columns of the conditions. Without a sort, those before the order have one value.
        let is_range = text.contains("USING COVERING INDEX") && !sorts(*parent);
        reads && !is_lookup && !is_range
    });
    faulty.map(|step| &*step.3).collect()
}

/// The faults of both statements of a list.
async fn explain(connection: &mut SqliteConnection, query: &Query) -> Vec<String> {
    let mut found = Vec::new();
    for mut statement in sqlite_list(query) {
        let sql = format!("EXPLAIN QUERY PLAN {}", statement.sql().as_str());
        let arguments = statement.build().take_arguments().unwrap().unwrap();
        let explain = sqlx::query_as_with(AssertSqlSafe(sql), arguments).persistent(false);
        let plan: Vec<Step> = explain.fetch_all(&mut *connection).await.unwrap();
        assert!(plan.iter().any(|step| step.3.contains(" tasks")), "{plan:?}");
        found.extend(faults(&plan).into_iter().map(Into::into));
    }
    found
}

#[tokio::test]
async fn sqlite_reads_ranges_of_indexes() {
    let (_folder, path) = migrated().await;
    let mut connection = connect(&path).await;
    let lists = kinds_of_lists();
    for list in &lists {
        let found = explain(&mut connection, list).await;
        assert!(found.is_empty(), "{list:?}: {found:?}");
    }
    println!("SQLite reads only ranges of indexes for {} lists", lists.len());
    let of_lists = |index: &(String, String)| {
        !index.1.contains("length(type) <> 20") && !index.1.contains("finished_at")
    };
    for index in indexes(&mut connection).await.into_iter().filter(of_lists) {
        connection.execute(AssertSqlSafe(format!("DROP INDEX {}", index.0))).await.unwrap();
        let mut is_needed = false;
        for list in &lists {
            is_needed = is_needed || !explain(&mut connection, list).await.is_empty();
        }
        assert!(is_needed, "no list needs {}", index.0);
        connection.execute(AssertSqlSafe(index.1)).await.unwrap();
    }
}

/// The names and definitions of the indexes of lists.
async fn indexes(connection: &mut SqliteConnection) -> Vec<(String, String)> {
    let sql = "SELECT name, sql FROM sqlite_master \
        WHERE type = 'index' AND tbl_name = 'tasks' AND sql IS NOT NULL";
    let found: Vec<_> = sqlx::query_as(sql).fetch_all(connection).await.unwrap();
    assert!(found.len() >= 10, "{found:?}");
    found
}

/// Fills the table, and then builds the indexes, which is faster.
async fn fill(connection: &mut SqliteConnection) {
    let indexes = indexes(connection).await;
    for (name, _) in &indexes {
        connection.execute(AssertSqlSafe(format!("DROP INDEX {name}"))).await.unwrap();
    }
    let settings = "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA temp_store = MEMORY; \
        PRAGMA cache_size = -200000; PRAGMA threads = 2";
    connection.execute(settings).await.unwrap();
    let id = |high: &str, number: &str| format!("unhex(printf('{high}%016x', {number}))");
    let sql = format!(
        "INSERT INTO tasks (id, user_id, assignee_id, type, status, priority, attempts, max_attempts, version, \
        created_at, updated_at, title, search) \
        WITH RECURSIVE numbers (n) AS (VALUES (0) UNION ALL SELECT n + 1 FROM numbers WHERE n < {TASKS} - 1) \
        SELECT {task}, {user}, iif(n % 20 = 0, {small}, NULL), iif(n % 8 < 2, 'send_email', 'manual'), \
        iif(n % 6 < 2, 'pending', 'completed'), n / 2 % 4, 0, 5, 1, n, n, 'task ' || n, 'task ' || n FROM numbers",
        task = id("0190000000007000", "n"),
        user = id("0000000000007000", "iif(n % 2, 1 + n / 2 % 1000, 0)"),
        small = id("0000000000007000", "1"),
    );
    connection.execute(AssertSqlSafe(sql)).await.unwrap();
    for (_, sql) in indexes.into_iter().filter(|(name, _)| NEEDED.contains(&&**name)) {
        connection.execute(AssertSqlSafe(sql)).await.unwrap();
    }
}

/// Runs a statement. Returns the steps of SQLite's machine.
pub(crate) async fn run(
    connection: &mut SqliteConnection,
    statement: &mut QueryBuilder<Sqlite>,
) -> u64 {
    let steps = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&steps);
    connection.lock_handle().await.unwrap().set_progress_handler(1, move || {
        counter.fetch_add(1, Ordering::Relaxed);
        true
    });
    let rows = statement.build().persistent(false).fetch_all(&mut *connection).await.unwrap();
    connection.lock_handle().await.unwrap().remove_progress_handler();
    assert!(rows.len() <= 101);
    steps.load(Ordering::Relaxed)
}

#[tokio::test]
async fn sqlite_reads_only_the_part() {
    let (_folder, path) = migrated().await;
    let mut connection = connect(&path).await;
    let start = Instant::now();
    fill(&mut connection).await;
    println!("SQLite: {TASKS} tasks after {:?}", start.elapsed());
    let mut work = Work::default();
    for (name, query) in measured() {
        let [mut page, mut count] = sqlite_list(&query);
        let start = Instant::now();
        let page = run(&mut connection, &mut page).await;
        println!("SQLite: {name}: {page} steps, {:?}", start.elapsed());
        let has_total = matches!(query.start, Start::Page(_));
        let total = if has_total { Some(run(&mut connection, &mut count).await) } else { None };
        work.0.push((name, page, total));
    }
    work.check();
    connection.close().await.unwrap();
    let store = open(&Target::SqliteFile(path), Options::default()).await.unwrap();
    check_search(&*store).await;
    store.close().await;
    work.check_documentation(2);
}
