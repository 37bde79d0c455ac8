//! PostgreSQL. The work is the entries of tables and indexes that it reads.

use super::super::million::postgres::{SETTINGS, connect, execute, explain, walk};
use super::{FEW, FIRST, INDEXES, LARGE, MANY, NOW, OPEN, USERS, Work, check, kinds, run};
use chassis::databases::{Postgres, can_start};
use serde_json::Value;
use sqlx::postgres::PgConnection;
use tasks::store::postgres_polls;

/// The most entries of a statement.
const MOST: u64 = 20;

fn id(high: &str, number: &str) -> String {
    format!("lpad('{high}' || lpad(to_hex({number}), 16, '0'), 32, '0')::uuid")
}

/// Inserts waiting jobs, of which `owner` is an expression.
async fn insert(connection: &mut PgConnection, first: u64, end: u64, owner: &str) {
    let (task, user) = (id("0190000000007000", "n"), id("7000", owner));
    let sql = format!(
        "INSERT INTO tasks (id, user_id, type, status, priority, attempts, max_attempts, version, created_at, \
        updated_at, title, search) SELECT {task}, {user}, 'send_email', 'pending', 1, 0, 5, 1, n, n, 'a', 'a' \
        FROM generate_series({first}, {end} - 1) AS n"
    );
    execute(connection, sql).await;
}

async fn fill(connection: &mut PgConnection) {
    for table in ["tasks", "user_usage", "attempts"] {
        execute(connection, format!("ALTER TABLE {table} DISABLE TRIGGER ALL")).await;
    }
    let (user, task) = (id("7000", "n"), id("0190000000007000", "n"));
    let sql = format!(
        "INSERT INTO user_usage (user_id, tasks, pending, bytes, turn) SELECT {user}, 1, 1, 0, n \
        FROM generate_series(0, {USERS} - 1) AS n"
    );
    execute(connection, sql).await;
    insert(connection, 0, USERS, "n").await;
    let attempts = "INSERT INTO attempts (task_id, fence, user_id, type, worker, started_at, lease_until, ended_at)";
    let sql = format!(
        "{attempts} SELECT {task}, fence, {user}, 'send_email', 'w', n, n, n \
        FROM generate_series(0, {USERS} - 1) AS n, generate_series(1, 5) AS fence"
    );
    execute(connection, sql).await;
    insert(connection, FIRST, FIRST + FEW, &LARGE.to_string()).await;
    let sql = format!(
        "{attempts} SELECT {task}, 1, {}, 'send_email', 'w', 0, n, NULL \
        FROM generate_series({FIRST}, {FIRST} + {OPEN} - 1) AS n",
        id("7000", &LARGE.to_string())
    );
    execute(connection, sql).await;
}

/// Runs all statements and checks their plans.
async fn measure(connection: &mut PgConnection) -> Work {
    let mut work = Work::new();
    for (name, mut statement) in postgres_polls(run(), "w", &kinds(), NOW) {
        let plan = explain(connection, "ANALYZE, TIMING OFF", &mut statement).await;
        check_plan(name, &plan);
        work.push((name, entries(&plan)));
    }
    work
}

fn check_plan(name: &str, plan: &Value) {
    let (_, indexes) = INDEXES.iter().find(|(known, _)| *known == name).unwrap();
    let text = plan.to_string();
    for index in *indexes {
        assert!(text.contains(index), "{name}: no {index} in {plan:#}");
    }
    walk(plan, false, &mut |node, _| {
        let kind = node["Node Type"].as_str().unwrap();
        assert!(!kind.contains("Seq Scan") && !kind.contains("Bitmap"), "{name}: {plan:#}");
        if let Some(index) = node["Index Name"].as_str() {
            let is_known =
                indexes.contains(&index) || index.ends_with("_pkey") && indexes.is_empty();
            assert!(is_known, "{name}: {index} in {plan:#}");
        }
    });
}

/// The entries that the nodes have read, also those that a condition refused.
fn entries(plan: &Value) -> u64 {
    let mut entries = 0.0;
    walk(plan, false, &mut |node, _| {
        if node.get("Relation Name").is_some() {
            let number = |name: &str| node[name].as_f64().unwrap_or_default();
            entries +=
                (number("Actual Rows") + number("Rows Removed by Filter")) * number("Actual Loops");
        }
    });
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
    let entries = entries.round() as u64;
    entries
}

/// Without statistics, and with those of the time before.
async fn on_server(is_analyzed: bool) {
    let server = Postgres::start(&SETTINGS);
    let mut connection = connect(&server).await;
    fill(&mut connection).await;
    if is_analyzed {
        execute(&mut connection, "ANALYZE").await;
    }
    let few = measure(&mut connection).await;
    insert(&mut connection, FIRST + FEW, FIRST + MANY, &LARGE.to_string()).await;
    let many = measure(&mut connection).await;
    let engine = if is_analyzed { "PostgreSQL, analyzed" } else { "PostgreSQL" };
    check(engine, &few, &many, MOST);
}

#[tokio::test]
async fn work_of_postgresql_does_not_grow_with_waiting_jobs() {
    if can_start("plans::work_of_postgresql_does_not_grow_with_waiting_jobs") {
        on_server(false).await;
        on_server(true).await;
    }
}
