//! A PostgreSQL server that is slow, stopped or silent.

use super::{create, name, new_user};
use chassis::databases::{PgBouncer, Postgres, can_start};
use sqlx::postgres::PgConnection;
use sqlx::{Connection as _, Executor as _};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tasks::store::{Options, Store, StoreError, Target, migrate, open};

/// A store with a short time limit. `pooler` is the URL of a PgBouncer.
async fn prepared(server: &Postgres, pooler: Option<String>) -> Arc<dyn Store> {
    let direct = server.url("postgres");
    migrate(&Target::parse(&direct).unwrap()).await.unwrap();
    let statement_timeout = Duration::from_millis(600);
    let options = Options { pooler: pooler.is_some(), statement_timeout, ..Options::default() };
    let target = Target::parse(pooler.as_deref().unwrap_or(&direct)).unwrap();
    open(&target, options).await.unwrap()
}

fn assert_away<T: std::fmt::Debug>(result: Result<T, StoreError>, reason: &str) {
    match result {
        Err(StoreError::Away(text)) => assert!(text.contains(reason), "{text}"),
        other => panic!("{other:?}"),
    }
}

/// A lock timeout for the second of two statements that need the same lock, and a statement timeout.
async fn time_limits(server: &Postgres, store: &dyn Store) {
    create(store, "before").await;
    let mut other = PgConnection::connect(&server.url("postgres")).await.unwrap();
    other.execute("BEGIN; LOCK TABLE users").await.unwrap();
    assert_away(store.user_named(&name("before")).await, "SQLSTATE 55P03");
    assert_away(store.create_user(new_user("meanwhile")).await, "SQLSTATE 55P03");
    other.execute("ROLLBACK").await.unwrap();
    let slow = "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql \
        AS 'BEGIN PERFORM pg_sleep(30); RETURN NEW; END'; \
        CREATE TRIGGER slow BEFORE INSERT ON users EXECUTE FUNCTION slow()";
    other.execute(slow).await.unwrap();
    assert_away(store.create_user(new_user("meanwhile")).await, "SQLSTATE 57014");
    other.execute("DROP TRIGGER slow ON users").await.unwrap();
    assert!(store.user_named(&name("before")).await.unwrap().is_some());
    assert!(store.user_named(&name("meanwhile")).await.unwrap().is_none());
}

#[tokio::test]
async fn slow_statement_is_ended() {
    if !can_start("outages::slow_statement_is_ended") {
        return;
    }
    let server = Postgres::start(&[]);
    let store = prepared(&server, None).await;
    time_limits(&server, &*store).await;
}

#[tokio::test]
async fn slow_statement_is_ended_through_pgbouncer() {
    if !can_start("outages::slow_statement_is_ended_through_pgbouncer") {
        return;
    }
    let server = Postgres::start(&[]);
    let pgbouncer = PgBouncer::start(&server);
    let store = prepared(&server, Some(pgbouncer.url("postgres"))).await;
    time_limits(&server, &*store).await;
}

/// The server stops and comes back.
async fn outage(server: &mut Postgres, store: &dyn Store) {
    create(store, "before").await;
    server.stop();
    let before = name("before");
    let results = tokio::join!(store.check(), store.user_named(&before));
    assert_away(results.0, "");
    assert_away(results.1, "");
    server.start_again();
    let start = Instant::now();
    while let Err(error) = store.check().await {
        assert!(matches!(error, StoreError::Away(_)), "{error}");
        assert!(start.elapsed() < Duration::from_secs(10), "{error}");
    }
    println!("recovered after {:?}", start.elapsed());
    assert!(store.user_named(&before).await.unwrap().is_some());
}

#[tokio::test]
async fn store_recovers_when_the_server_comes_back() {
    if !can_start("outages::store_recovers_when_the_server_comes_back") {
        return;
    }
    let mut server = Postgres::start(&["fsync=on"]);
    let store = prepared(&server, None).await;
    outage(&mut server, &*store).await;
}

#[tokio::test]
async fn store_recovers_through_pgbouncer() {
    if !can_start("outages::store_recovers_through_pgbouncer") {
        return;
    }
    let mut server = Postgres::start(&["fsync=on"]);
    let pgbouncer = PgBouncer::start(&server);
    let store = prepared(&server, Some(pgbouncer.url("postgres"))).await;
    outage(&mut server, &*store).await;
}

#[tokio::test]
async fn pool_is_bounded() {
    if !can_start("outages::pool_is_bounded") {
        return;
    }
    let server = Postgres::start(&[]);
    let target = Target::parse(&server.url("postgres")).unwrap();
    migrate(&target).await.unwrap();
    let options = Options { connections: 2, ..Options::default() };
    let store = open(&target, options).await.unwrap();
    let callers: Vec<_> = (0..30)
        .map(|number| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { create(&*store, &format!("caller-{number}")).await })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    let mut other = PgConnection::connect(&server.url("postgres")).await.unwrap();
    let count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'tasks'";
    let (count,): (i64,) = sqlx::query_as(count).fetch_one(&mut other).await.unwrap();
    assert_eq!(count, 2);
}

#[tokio::test]
async fn silent_server_does_not_block_callers() {
    if !can_start("outages::silent_server_does_not_block_callers") {
        return;
    }
    let server = Postgres::start(&[]);
    let store = prepared(&server, None).await;
    create(&*store, "before").await;
    server.signal("-STOP");
    let (start, before) = (Instant::now(), name("before"));
    let results = tokio::join!(store.check(), store.user_named(&before));
    let waited = start.elapsed();
    server.signal("-CONT");
    assert_away(results.0, "");
    assert_away(results.1, "");
    assert!(waited < Duration::from_secs(10), "{waited:?}");
    assert!(store.user_named(&before).await.unwrap().is_some());
}

#[tokio::test]
async fn older_schema_is_rejected_and_a_newer_one_accepted() {
    if !can_start("outages::older_schema_is_rejected_and_a_newer_one_accepted") {
        return;
    }
    let server = Postgres::start(&[]);
    let target = Target::parse(&server.url("postgres")).unwrap();
    let store = open(&target, Options::default()).await.unwrap();
    let rejected = |result: Result<(), StoreError>| match result {
        Err(StoreError::Failed(text)) => assert!(text.contains("tasks migrate"), "{text}"),
        other => panic!("{other:?}"),
    };
    rejected(store.check().await);
    migrate(&target).await.unwrap();
    store.check().await.unwrap();
    let mut other = PgConnection::connect(&server.url("postgres")).await.unwrap();
    let newer = "INSERT INTO _sqlx_migrations \
        SELECT 9999, 'newer', installed_on, true, checksum, 0 FROM _sqlx_migrations LIMIT 1";
    other.execute(newer).await.unwrap();
    store.check().await.unwrap();
    migrate(&target).await.unwrap();
    other
        .execute("UPDATE _sqlx_migrations SET success = false WHERE version < 9999")
        .await
        .unwrap();
    rejected(store.check().await);
    other.execute("DELETE FROM _sqlx_migrations").await.unwrap();
    rejected(store.check().await);
}

#[tokio::test]
async fn concurrent_migrations_wait_for_each_other() {
    if !can_start("outages::concurrent_migrations_wait_for_each_other") {
        return;
    }
    let server = Postgres::start(&[]);
    let target = Target::parse(&server.url("postgres")).unwrap();
    let mut other = PgConnection::connect(&server.url("postgres")).await.unwrap();
    // The migration needs more than one attempt to get its lock.
    other.execute("CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL, \
        installed_on TIMESTAMPTZ NOT NULL DEFAULT now(), success BOOLEAN NOT NULL, checksum BYTEA NOT NULL, \
        execution_time BIGINT NOT NULL)").await.unwrap();
    other.execute("BEGIN; LOCK TABLE _sqlx_migrations").await.unwrap();
    let release = async {
        tokio::time::sleep(Duration::from_millis(2500)).await;
        other.execute("ROLLBACK").await.unwrap();
    };
    let (one, second, ()) = tokio::join!(migrate(&target), migrate(&target), release);
    one.unwrap();
    second.unwrap();
    let store = open(&target, Options::default()).await.unwrap();
    store.check().await.unwrap();
}
