//! SQLite. The work is the steps of its machine.

use super::super::million::sqlite::{connect, migrated, run as steps};
use super::{FEW, FIRST, INDEXES, LARGE, MANY, NOW, OPEN, USERS, Work, check, kinds, run};
use sqlx::sqlite::{Sqlite, SqliteConnection};
use sqlx::{AssertSqlSafe, Execute as _, Executor as _, QueryBuilder};
use tasks::store::sqlite_polls;

/// The most steps of a statement.
const MOST: u64 = 1500;

async fn execute(connection: &mut SqliteConnection, sql: String) {
    connection.execute(AssertSqlSafe(sql)).await.unwrap();
}

fn id(high: &str, number: &str) -> String {
    format!("unhex(printf('{high}%016x', {number}))")
}

/// Numbers from `first` to before `end`, in the column `n`.
fn numbers(first: u64, end: u64) -> String {
    format!(
        "(WITH RECURSIVE numbers (n) AS (VALUES ({first}) UNION ALL SELECT n + 1 FROM numbers WHERE n < {end} - 1) \
        SELECT n FROM numbers)"
    )
}

/// Inserts waiting jobs, of which `owner` is an expression.
async fn insert(connection: &mut SqliteConnection, first: u64, end: u64, owner: &str) {
    let (task, user) = (id("0190000000007000", "n"), id("0000000000007000", owner));
    let sql = format!(
        "INSERT INTO tasks (id, user_id, type, status, priority, attempts, max_attempts, version, created_at, \
        updated_at, title, search) SELECT {task}, {user}, 'send_email', 'pending', 1, 0, 5, 1, n, n, 'a', 'a' \
        FROM {}",
        numbers(first, end)
    );
    execute(connection, sql).await;
}

async fn fill(connection: &mut SqliteConnection) {
    let (user, task) = (id("0000000000007000", "n"), id("0190000000007000", "n"));
    let sql = format!(
        "INSERT INTO user_usage (user_id, tasks, pending, bytes, turn) SELECT {user}, 1, 1, 0, n FROM {}",
        numbers(0, USERS)
    );
    execute(connection, sql).await;
    insert(connection, 0, USERS, "n").await;
    let attempts = "INSERT INTO attempts (task_id, fence, user_id, type, worker, started_at, lease_until, ended_at)";
    let sql = format!(
        "{attempts} SELECT {task}, fence, {user}, 'send_email', 'w', n, n, n FROM {}, \
        (SELECT n AS fence FROM {})",
        numbers(0, USERS),
        numbers(1, 6)
    );
    execute(connection, sql).await;
    insert(connection, FIRST, FIRST + FEW, &LARGE.to_string()).await;
    let sql = format!(
        "{attempts} SELECT {task}, 1, {}, 'send_email', 'w', 0, n, NULL FROM {}",
        id("0000000000007000", &LARGE.to_string()),
        numbers(FIRST, FIRST + OPEN)
    );
    execute(connection, sql).await;
}

/// Runs all statements and checks their plans.
async fn measure(connection: &mut SqliteConnection) -> Work {
    let mut work = Work::new();
    let polls = || sqlite_polls(run(), "w", &kinds(), NOW);
    // Each statement can be built once.
    for ((name, mut explained), (_, mut statement)) in polls().into_iter().zip(polls()) {
        check_plan(connection, name, &mut explained).await;
        work.push((name, steps(connection, &mut statement).await));
    }
    work
}

/// It reads the expected indexes, and no whole table.
async fn check_plan(
    connection: &mut SqliteConnection,
    name: &str,
    statement: &mut QueryBuilder<Sqlite>,
) {
    let sql = format!("EXPLAIN QUERY PLAN {}", statement.sql().as_str());
    let arguments = statement.build().take_arguments().unwrap().unwrap();
    let explain = sqlx::query_as_with(AssertSqlSafe(sql), arguments).persistent(false);
    let plan: Vec<(i64, i64, i64, String)> = explain.fetch_all(&mut *connection).await.unwrap();
    let (_, indexes) = INDEXES.iter().find(|(known, _)| *known == name).unwrap();
    for index in *indexes {
        assert!(plan.iter().any(|step| step.3.contains(index)), "{name}: no {index} in {plan:?}");
    }
    // An index of the waiting jobs or of the open runs has only those.
    let whole = plan.iter().find(|step| step.3.starts_with("SCAN") && !step.3.contains("INDEX"));
    assert!(whole.is_none(), "{name}: {whole:?}");
    let other = |text: &str| {
        let index = text.split_once("INDEX ").map(|(_, rest)| rest.split(' ').next().unwrap());
        index.is_some_and(|index| !indexes.contains(&index) && !index.contains("autoindex"))
    };
    let other = plan.iter().find(|step| other(&step.3));
    assert!(other.is_none(), "{name}: {other:?}");
}

#[tokio::test]
async fn work_of_sqlite_does_not_grow_with_waiting_jobs() {
    let (_folder, path) = migrated().await;
    let mut connection = connect(&path).await;
    fill(&mut connection).await;
    let few = measure(&mut connection).await;
    insert(&mut connection, FIRST + FEW, FIRST + MANY, &LARGE.to_string()).await;
    let many = measure(&mut connection).await;
    check("SQLite", &few, &many, MOST);
}
