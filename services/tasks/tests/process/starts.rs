//! Starts before the database is ready for them.

use super::database::Database;
use super::http::{ask, get};
use super::service::{NEXT, Service, Settings, TASKS, migrate, run};
use super::user::{login, register, request};
use super::{PATIENCE, until};
use chassis::databases::{Postgres, can_start};
use std::thread;

#[test]
fn process_without_its_database_becomes_ready_when_it_comes() {
    let test = "starts::process_without_its_database_becomes_ready_when_it_comes";
    let Some(mut database) = Database::start(test, &[]) else { return };
    database.server.stop();
    let service = Service::launch(TASKS, &database.settings);
    until("an attempt", PATIENCE, || service.log().contains("database is away"));
    assert_eq!(get(service.address, "/healthz").status, 200);
    for shallow in [false, true] {
        let response = service.readiness(shallow).expect(503);
        assert!(response.body.contains(r#""status":"starting","database":"away""#), "{response:?}");
    }
    ask(service.address, &request::login("somebody")).expect(503);

    database.server.start_again();
    until("readiness", PATIENCE, || service.readiness(false).status == 200);
    register(service.address);
    service.drain();
}

#[test]
fn schema_that_was_never_migrated_is_refused() {
    if !can_start("starts::schema_that_was_never_migrated_is_refused") {
        return;
    }
    let server = Postgres::start(&[]);
    let settings = Settings::postgres(&server.url("postgres"));
    let output = run(TASKS, &["serve"], &settings);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(69), "{text}");
    assert!(text.contains("tasks migrate"), "{text}");
    migrate(TASKS, &settings);
    Service::start(TASKS, &settings).drain();
}

#[test]
fn second_process_on_a_file_takes_over_or_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings::sqlite(&folder.path().join("tasks.db"));
    let first = Service::start(TASKS, &settings);
    let name = register(first.address);

    let output = run(TASKS, &["serve"], &settings.clone().with("DRAIN_TIMEOUT", "300ms"));
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(64), "{text}");
    assert!(text.contains("another process uses"), "{text}");

    let second = thread::scope(|scope| {
        let second = scope.spawn(|| Service::start(NEXT, &settings));
        first.drain();
        second.join().unwrap()
    });
    login(second.address, &name);
    second.drain();
}
