//! An upgrade and a rollback across a migration. `tasks-next` is the program of the next release.

use super::database::Database;
use super::http::ask;
use super::load::{Load, Seen};
use super::service::{NEXT, Service, Settings, TASKS, migrate, run};
use super::sql::Sql;
use super::user::{login, refresh, register, request, status_of_me};
use super::{PATIENCE, until};
use std::net::SocketAddr;
use std::thread;

/// Users that send requests at once.
const USERS: usize = 4;
/// Requests that a process answers in each step.
const STEP: u64 = 40;

/// The migration waits for a lock.
const WAITS: &str = "SELECT count(*) FROM pg_stat_activity \
    WHERE application_name = 'tasks-migrate' AND wait_event_type = 'Lock'";
const NEW_COLUMN: &str = "SELECT count(*) FROM information_schema.columns \
    WHERE table_name = 'users' AND column_name = 'display_name'";

/// Prints and checks the result of a load. Every acknowledged user is in the database, and every open session works at
/// `process`.
pub(crate) fn assert_nothing_is_lost(what: &str, seen: &Seen, process: SocketAddr, sql: &mut Sql) {
    assert!(seen.failures.is_empty(), "{} failures: {:#?}", seen.failures.len(), seen.failures);
    let names = seen.users.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(",");
    let stored = sql.number(&format!("SELECT count(*) FROM users WHERE username IN ({names})"));
    assert_eq!(usize::try_from(stored), Ok(seen.users.len()));
    assert!(seen.sessions.len() > USERS, "{} sessions", seen.sessions.len());
    for kept in &seen.sessions {
        assert_eq!(status_of_me(process, &kept.tokens.access), 200, "{}", kept.name);
        refresh(process, &kept.tokens.refresh);
    }
    println!(
        "{what}: {} requests, 0 failed {:?}; {} users and {} open sessions, 0 lost",
        seen.requests(),
        seen.answered,
        seen.users.len(),
        seen.sessions.len()
    );
}

/// Migrates while another session reads the table for a long time. The migration needs the table for itself, and all later
/// requests wait behind it. So it gives up soon, and tries again.
fn migrate_behind_a_reader(database: &Database, sql: &mut Sql) {
    let mut reader = database.sql();
    reader.execute("BEGIN; SELECT count(*) FROM users");
    thread::scope(|scope| {
        let migration = scope.spawn(|| migrate(NEXT, &database.settings));
        until("the migration", PATIENCE, || sql.number(WAITS) == 1);
        until("the end of an attempt", PATIENCE, || sql.number(WAITS) == 0);
        assert_eq!(sql.number(NEW_COLUMN), 0);
        reader.execute("ROLLBACK");
        migration.join().unwrap();
    });
}

#[test]
fn upgrade_and_rollback_lose_no_request() {
    let name = "upgrade::upgrade_and_rollback_lose_no_request";
    let Some(database) = Database::start(name, &[]) else { return };
    let settings = &database.settings;
    let mut sql = database.sql();
    let old = Service::start(TASKS, settings);
    let load = Load::start(USERS, &[old.address]);
    load.wait_for(old.address, STEP);

    let early = run(NEXT, &["serve"], settings);
    let text = String::from_utf8_lossy(&early.stderr).into_owned();
    assert_eq!(early.status.code(), Some(69), "{text}");
    assert!(text.contains("older than this program") && text.contains("tasks migrate"), "{text}");

    assert_eq!(sql.number(NEW_COLUMN), 0);
    migrate_behind_a_reader(&database, &mut sql);
    assert_eq!(sql.number(NEW_COLUMN), 1);
    load.wait_for(old.address, STEP);

    let next = Service::start(NEXT, settings);
    load.shift(&[old.address, next.address]);
    load.wait_for(old.address, STEP);
    load.wait_for(next.address, STEP);
    load.shift(&[next.address]);
    old.drain();
    load.wait_for(next.address, STEP);

    let old = Service::start(TASKS, settings);
    load.shift(&[old.address, next.address]);
    load.wait_for(old.address, STEP);
    load.wait_for(next.address, STEP);
    load.shift(&[old.address]);
    next.drain();
    load.wait_for(old.address, STEP);

    let seen = load.stop();
    assert_nothing_is_lost("upgrade and rollback", &seen, old.address, &mut sql);
    migrate(TASKS, settings);
    assert_eq!(sql.number(NEW_COLUMN), 1, "the older program keeps the newer schema");
    old.drain();
}

#[test]
fn older_program_accepts_a_file_of_the_newer_one() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings::sqlite(&folder.path().join("tasks.db"));
    let old = Service::start(TASKS, &settings);
    let first = register(old.address);
    let session = login(old.address, &first);
    old.drain();

    let next = Service::start(NEXT, &settings);
    assert_eq!(status_of_me(next.address, &session.access), 200);
    let session = refresh(next.address, &session.refresh);
    let second = register(next.address);
    next.drain();

    let old = Service::start(TASKS, &settings);
    assert_eq!(status_of_me(old.address, &session.access), 200);
    refresh(old.address, &session.refresh);
    for name in [first, second] {
        login(old.address, &name);
        ask(old.address, &request::register(&name)).expect(409);
    }
    old.drain();
}
