//! The suite of [`cases`](super::cases) on each engine.

use super::cases::CASES;
use chassis::databases::{PgBouncer, Postgres, can_start};
use std::sync::Arc;
use tasks::store::{Options, StoreError, Target, migrate, open};

/// Runs all cases on one database and prints their number.
async fn run(engine: &str, url: &str, pooler: bool) {
    let target = Target::parse(url).unwrap();
    let store = open(&target, Options { pooler, ..Options::default() }).await.unwrap();
    assert!(CASES.len() >= 20);
    for (name, case) in CASES {
        // Names the case that fails.
        println!("{engine}: {name}");
        case(Arc::clone(&store)).await;
    }
    store.check().await.unwrap();
    store.close().await;
    assert!(matches!(store.check().await, Err(StoreError::Away(_))));
    println!("{engine}: {} cases passed", CASES.len());
}

#[tokio::test]
async fn cases_on_a_sqlite_file() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("state/tasks.db").display());
    run("SQLite file", &url, false).await;
}

#[tokio::test]
async fn cases_on_sqlite_in_memory() {
    run("SQLite in memory", "sqlite::memory:", false).await;
}

#[tokio::test]
async fn cases_on_postgresql() {
    if !can_start("engines::cases_on_postgresql") {
        return;
    }
    let server = Postgres::start(&[]);
    let url = server.url("postgres");
    migrate(&Target::parse(&url).unwrap()).await.unwrap();
    run("PostgreSQL", &url, false).await;
}

#[tokio::test]
async fn cases_on_pgbouncer() {
    if !can_start("engines::cases_on_pgbouncer") {
        return;
    }
    let server = Postgres::start(&[]);
    migrate(&Target::parse(&server.url("postgres")).unwrap()).await.unwrap();
    let pgbouncer = PgBouncer::start(&server);
    run("PgBouncer", &pgbouncer.url("postgres"), true).await;
}
