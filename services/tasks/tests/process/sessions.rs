//! Two processes on one database share sessions, directly and through PgBouncer.

use super::database::Database;
use super::http::ask;
use super::load::Load;
use super::service::{Service, addresses};
use super::sql::Sql;
use super::upgrade::assert_nothing_is_lost;
use super::user::{login, refresh, register, request, status_of_me};
use std::net::SocketAddr;
use std::sync::Barrier;
use std::thread;

/// Pairs of refreshes at the same time.
const RACES: usize = 40;
/// Users of the load, and requests that each process answers.
const USERS: usize = 4;
const REQUESTS: u64 = 100;

/// A session that one process ends is refused by the other at once.
fn ends_are_shared(one: SocketAddr, other: SocketAddr) {
    let name = register(one);
    let session = login(one, &name);
    assert_eq!(status_of_me(other, &session.access), 200);
    let session = refresh(other, &session.refresh);
    assert_eq!(status_of_me(one, &session.access), 200);

    ask(one, &request::logout(&session.refresh)).expect(204);
    assert_eq!(status_of_me(other, &session.access), 401);
    ask(other, &request::refresh(&session.refresh)).expect(401);

    let (changed, ended) = (login(one, &name), login(other, &name));
    ask(one, &request::change_password(&changed.access)).expect(204);
    assert_eq!(status_of_me(other, &changed.access), 200);
    assert_eq!(status_of_me(other, &ended.access), 401);
    ask(other, &request::login(&name)).expect(401);

    ask(other, &request::delete_me(&changed.access)).expect(204);
    assert_eq!(status_of_me(one, &changed.access), 401);
    ask(one, &request::refresh(&changed.refresh)).expect(401);
    ask(one, &request::register(&name)).expect(201);
}

/// The same token at both processes at the same time gets the same pair. A token that was used twice ends the session.
fn one_token_has_one_successor(processes: [SocketAddr; 2], sql: &mut Sql) {
    let name = register(processes[0]);
    let first = login(processes[0], &name);
    let mut last = first.clone();
    for _ in 0..RACES {
        let barrier = Barrier::new(processes.len());
        let race = &|process| {
            barrier.wait();
            refresh(process, &last.refresh)
        };
        let pairs = thread::scope(|scope| {
            let racers = processes.map(|process| scope.spawn(move || race(process)));
            racers.map(|racer| racer.join().unwrap())
        });
        let [one, other] = pairs;
        assert_eq!(one, other);
        last = one;
    }
    for process in processes {
        assert_eq!(status_of_me(process, &last.access), 200);
    }
    let of_user =
        format!("FROM sessions s JOIN users u ON u.id = s.user_id WHERE u.username = '{name}'");
    assert_eq!(sql.number(&format!("SELECT count(*) {of_user}")), 1, "one family");
    let tokens =
        format!("SELECT count(*) FROM refresh_tokens WHERE session_id IN (SELECT s.id {of_user})");
    assert_eq!(sql.number(&tokens), i64::try_from(RACES).unwrap() + 1);
    ask(processes[1], &request::refresh(&first.refresh)).expect(401);
    ask(processes[0], &request::refresh(&last.refresh)).expect(401);
    assert_eq!(sql.number(&format!("SELECT count(*) {of_user}")), 0, "the reuse ended it");
}

fn two_processes(what: &str, database: &Database) {
    let mut sql = database.sql();
    let services = Service::pair(&database.settings);
    let processes = addresses(&services);
    ends_are_shared(processes[0], processes[1]);
    one_token_has_one_successor(processes, &mut sql);
    let load = Load::start(USERS, &processes);
    for process in processes {
        load.wait_for(process, REQUESTS);
    }
    assert_nothing_is_lost(what, &load.stop(), processes[0], &mut sql);
    services.into_iter().for_each(Service::drain);
}

#[test]
fn two_processes_share_sessions() {
    let test = "sessions::two_processes_share_sessions";
    let Some(database) = Database::start(test, &[]) else { return };
    two_processes("two processes", &database);
}

#[test]
fn two_processes_share_sessions_through_pgbouncer() {
    let test = "sessions::two_processes_share_sessions_through_pgbouncer";
    let Some(database) = Database::behind_pgbouncer(test) else { return };
    two_processes("two processes through PgBouncer", &database);
}
