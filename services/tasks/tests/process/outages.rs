//! A PostgreSQL server that crashes, or that is silent, under a process.

use super::database::Database;
use super::http::{Connection, Request, Response, ask, get};
use super::service::{Service, TASKS};
use super::user::{login, new_name, register, request, status_of_me};
use super::{PATIENCE, until};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// The time after which a process without its database is not ready (docs/tasks.md).
const READY_WITHOUT: Duration = Duration::from_secs(30);
/// The time in which a process must work again. It connects for the next request.
const RECOVERY: Duration = Duration::from_secs(10);
/// Users that register while the server crashes.
const USERS: usize = 3;
/// The default of the drain.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(20);
/// The deadline of a request. Its time limits in the store are shorter.
const DEADLINE: Duration = Duration::from_secs(5);

/// A database that does not answer is a 503 with `Retry-After`.
#[track_caller]
fn assert_away(response: &Response) {
    assert_eq!(response.status, 503, "{response:?}");
    assert_eq!(response.header("Retry-After"), Some("1"), "{response:?}");
    assert_eq!(response.header("Content-Type"), Some("application/problem+json"));
}

/// Registers users until `stop`. Returns the acknowledged ones, and the number of 503.
fn register_until(process: SocketAddr, stop: &AtomicBool) -> (Vec<String>, u32) {
    let (mut acknowledged, mut refused) = (Vec::new(), 0);
    while !stop.load(Ordering::Relaxed) {
        let name = new_name();
        let response = ask(process, &request::register(&name));
        if response.status == 201 {
            acknowledged.push(name);
        } else {
            assert_away(&response);
            refused += 1;
        }
    }
    (acknowledged, refused)
}

/// The server crashes: it writes nothing back, and recovers from its log.
#[test]
fn crash_of_the_database_loses_no_acknowledged_registration() {
    let test = "outages::crash_of_the_database_loses_no_acknowledged_registration";
    let Some(mut database) = Database::start(test, &["fsync=on"]) else { return };
    let service = Service::start(TASKS, &database.settings);
    let process = service.address;
    let name = register(process);
    let session = login(process, &name);
    let stop = AtomicBool::new(false);
    let (acknowledged, refused, recovered) = thread::scope(|scope| {
        let users = [(); USERS].map(|()| scope.spawn(|| register_until(process, &stop)));
        let me = || ask(process, &request::me(&session.access));
        until("some registrations", PATIENCE, || service.log().matches("registered").count() > 20);

        database.server.crash();
        let crashed = Instant::now();
        until("the first 503", PATIENCE, || me().status != 200);
        for request in [
            request::login(&name),
            request::refresh(&session.refresh),
            request::me(&session.access),
            request::logout(&session.refresh),
        ] {
            assert_away(&ask(process, &request));
        }
        until("503 of /readyz", READY_WITHOUT + RECOVERY, || {
            assert_eq!(service.readiness(true).status, 200);
            assert_eq!(get(process, "/healthz").status, 200);
            service.readiness(false).status == 503
        });
        let patience = crashed.elapsed();
        assert!(patience + Duration::from_secs(1) > READY_WITHOUT, "{patience:?}");
        assert!(service.readiness(false).body.contains(r#""database":"away""#));

        database.server.start_again();
        let recovered = until("recovery", RECOVERY, || me().status == 200);
        until("readiness", RECOVERY, || service.readiness(false).status == 200);
        stop.store(true, Ordering::Relaxed);
        let results = users.map(|user| user.join().unwrap());
        let refused: u32 = results.iter().map(|(_, refused)| refused).sum();
        let names: Vec<String> = results.into_iter().flat_map(|(names, _)| names).collect();
        (names, refused, recovered)
    });
    assert!(refused > 0 && acknowledged.len() > 20, "{refused}, {}", acknowledged.len());
    for name in &acknowledged {
        ask(process, &request::register(name)).expect(409);
    }
    println!(
        "crash: {} registrations acknowledged, 0 lost, {refused} refused with 503; recovered after {recovered:?}",
        acknowledged.len()
    );
    service.drain();
}

/// The kernel accepts connections to a stopped server, but nothing answers.
fn silent_database(what: &str, database: &Database) {
    let Database { server, settings, .. } = database;
    let settings = settings.clone().with("DATABASE_CONNECTIONS", "2");
    let mut service = Service::start(TASKS, &settings);
    let process = service.address;
    let name = register(process);
    let session = login(process, &name);

    server.signal("-STOP");
    let refused = |request: Request| {
        let start = Instant::now();
        assert_away(&ask(process, &request));
        start.elapsed()
    };
    let longest = thread::scope(|scope| {
        let requests = (0..12).map(|number| match number % 3 {
            0 => request::me(&session.access),
            1 => request::refresh(&session.refresh),
            _ => request::login(&name),
        });
        let requests: Vec<_> = requests.map(|one| scope.spawn(|| refused(one))).collect();
        let start = Instant::now();
        assert_eq!(service.readiness(true).status, 200);
        assert!(start.elapsed() < Duration::from_secs(1), "probes do not wait");
        requests.into_iter().map(|request| request.join().unwrap()).max().unwrap()
    });
    assert!(longest < DEADLINE, "{longest:?}");

    server.signal("-CONT");
    let recovered = until("recovery", RECOVERY, || status_of_me(process, &session.access) == 200);
    login(process, &name);

    server.signal("-STOP");
    let mut connection = Connection::open(process).unwrap();
    connection.send(&request::me(&session.access)).unwrap();
    let start = Instant::now();
    service.terminate();
    assert_away(&connection.receive().unwrap());
    assert_eq!(service.exit_code(), 0, "{}", service.log());
    let stopped = start.elapsed();
    assert!(stopped < DRAIN_TIMEOUT, "{stopped:?}");
    println!(
        "{what}: 12 requests ended with 503 within {longest:?}; recovered after {recovered:?}; \
        SIGTERM with a request ended the process after {stopped:?}"
    );
}

#[test]
fn silent_database_blocks_no_request_and_no_stop() {
    let test = "outages::silent_database_blocks_no_request_and_no_stop";
    let Some(database) = Database::start(test, &[]) else { return };
    silent_database("silent database", &database);
}

#[test]
fn silent_database_behind_pgbouncer_blocks_no_request_and_no_stop() {
    let test = "outages::silent_database_behind_pgbouncer_blocks_no_request_and_no_stop";
    let Some(database) = Database::behind_pgbouncer(test) else { return };
    silent_database("silent database behind PgBouncer", &database);
}
