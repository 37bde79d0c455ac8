//! The limits of the database: connections, and the time of a statement.

use super::database::Database;
use super::http::ask;
use super::load::Load;
use super::service::{Service, TASKS, addresses};
use super::user::{login, register, request, status_of_me};
use super::{PATIENCE, until};
use std::thread;
use std::time::{Duration, Instant};

/// Connections of each process.
const CONNECTIONS: i64 = 3;
/// Requests at once. They need more connections than there are.
const CALLERS: usize = 24;
/// The default time limit of a statement. A statement waits for a lock for half of it.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(2);
/// The rest of a request, on a busy machine.
const REST: Duration = Duration::from_secs(2);

const OF_THE_SERVICE: &str =
    "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'tasks'";

#[test]
fn connections_of_two_processes_are_bounded() {
    let test = "limits::connections_of_two_processes_are_bounded";
    let Some(database) = Database::start(test, &[]) else { return };
    let settings = database.settings.clone().with("DATABASE_CONNECTIONS", CONNECTIONS.to_string());
    let mut sql = database.sql();
    let services = Service::pair(&settings);
    let processes = addresses(&services);
    let load = Load::start(4, &processes);
    let (mut most, mut samples) = (0, 0);
    thread::scope(|scope| {
        let callers: Vec<_> = (0..CALLERS)
            .map(|number| {
                let process = processes[number % 2];
                scope.spawn(move || {
                    for _ in 0..20 {
                        // Reads the database, and has no limit of a user.
                        ask(process, &request::refresh(&"0".repeat(64))).expect(401);
                    }
                })
            })
            .collect();
        until("all callers", PATIENCE, || {
            most = most.max(sql.number(OF_THE_SERVICE));
            samples += 1;
            callers.iter().all(thread::ScopedJoinHandle::is_finished)
        });
    });
    let seen = load.stop();
    assert!(seen.failures.is_empty(), "{:#?}", seen.failures);
    println!("connections: at most {most} of 2 × {CONNECTIONS} in {samples} samples");
    assert!(most <= 2 * CONNECTIONS, "{most}");
    assert!(most > CONNECTIONS, "{most}: the load is too small for this test");
    services.into_iter().for_each(Service::drain);
}

/// Another session holds a lock, and then a statement is slow by itself. Both end before the deadline of the request.
fn limits_of_time(what: &str, database: &Database) {
    let service = Service::start(TASKS, &database.settings);
    let process = service.address;
    let name = register(process);
    let session = login(process, &name);
    let mut sql = database.sql();
    let refused = || {
        let start = Instant::now();
        let response = ask(process, &request::logout(&session.refresh)).expect(503);
        assert_eq!(response.header("Retry-After"), Some("1"));
        start.elapsed()
    };

    sql.execute("BEGIN; LOCK TABLE sessions");
    let for_a_lock = refused();
    sql.execute("ROLLBACK");
    assert_eq!(status_of_me(process, &session.access), 200);

    sql.execute(
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql \
        AS 'BEGIN PERFORM pg_sleep(30); RETURN OLD; END'; \
        CREATE TRIGGER slow BEFORE DELETE ON sessions FOR EACH ROW EXECUTE FUNCTION slow()",
    );
    let for_a_statement = refused();
    sql.execute("DROP TRIGGER slow ON sessions");
    assert_eq!(status_of_me(process, &session.access), 200, "nothing was deleted");
    ask(process, &request::logout(&session.refresh)).expect(204);

    println!("{what}: lock after {for_a_lock:?}, statement after {for_a_statement:?}");
    for (waited, limit) in
        [(for_a_lock, STATEMENT_TIMEOUT / 2), (for_a_statement, STATEMENT_TIMEOUT)]
    {
        assert!((limit..limit + REST).contains(&waited), "{waited:?}, not {limit:?}");
    }
    // The server ended both, not the longer time limit of the service.
    for state in ["55P03", "57014"] {
        let cause = format!("SQLSTATE {state}");
        until(&cause, PATIENCE, || service.log().contains(&cause));
    }
    service.drain();
}

#[test]
fn statement_has_a_time_limit() {
    let test = "limits::statement_has_a_time_limit";
    let Some(database) = Database::start(test, &[]) else { return };
    limits_of_time("time limits", &database);
}

#[test]
fn statement_has_a_time_limit_through_pgbouncer() {
    let test = "limits::statement_has_a_time_limit_through_pgbouncer";
    let Some(database) = Database::behind_pgbouncer(test) else { return };
    limits_of_time("time limits through PgBouncer", &database);
}
