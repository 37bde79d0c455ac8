//! The process on a real PostgreSQL: its migration, and an outage.

use crate::running::{KEYS, PATIENCE, Serving, run, tasks};
use crate::support::PASSWORD;
use chassis::databases::{Postgres, can_start};
use serde_json::json;
use std::time::Instant;

#[test]
fn service_needs_migrations_and_survives_an_outage() {
    if !can_start("postgres::service_needs_migrations_and_survives_an_outage") {
        return;
    }
    let mut server = Postgres::start(&[]);
    let url = server.url("postgres");
    let environment = [("DATABASE_URL", url.as_str()), KEYS, ("REGISTRATION", "open")];
    let ended = run(tasks(&["serve"], &environment), "");
    assert_eq!(ended.code, Some(69), "{ended:?}");
    assert!(ended.errors.contains("tasks migrate"), "{ended:?}");
    for _ in 0..2 {
        let migrated = run(tasks(&["migrate"], &environment), "");
        assert_eq!(migrated.code, Some(0), "{migrated:?}");
    }

    // Any number of processes serve one database.
    let (one, other) = (Serving::start(&environment), Serving::start(&environment));
    let body = json!({ "username": "ada", "password": PASSWORD }).to_string();
    assert_eq!(one.ask("POST /auth/register", "", &body).status, 201);
    assert_eq!(other.ask("POST /auth/register", "", &body).status, 409);
    let token = other.ask("POST /auth/login", "", &body).text("access_token");
    assert_eq!(one.ask("GET /api/v1/users/me", &token, "").status, 200);
    let created =
        run(tasks(&["user", "create", "root", "--role", "admin"], &environment), PASSWORD);
    assert_eq!(created.code, Some(0), "{created:?}");

    server.stop();
    let away = one.ask("GET /api/v1/users/me", &token, "");
    assert_eq!(away.status, 503, "{}", away.body);
    assert!(away.head.contains("\r\nretry-after: 1"), "{}", away.head);
    assert!(!away.body.contains("127.0.0.1"), "{}", away.body);
    for head in ["GET /healthz", "GET /readyz", "GET /readyz?shallow=1"] {
        assert_eq!(one.ask(head, "", "").status, 200, "{head}");
    }
    // A process starts without its database, and is not ready before it was there once.
    let mut late = Serving::spawn(&environment);
    late.listening();
    let start = Instant::now();
    while !late.ask("GET /readyz", "", "").body.contains("\"away\"") {
        assert!(start.elapsed() < PATIENCE);
    }
    for (head, status) in [("GET /healthz", 200), ("GET /readyz?shallow=1", 503)] {
        assert_eq!(late.ask(head, "", "").status, status, "{head}");
    }
    server.start_again();
    for process in [&one, &other, &late] {
        process.until("GET /readyz", "", 200);
        process.until("GET /api/v1/users/me", &token, 200);
    }
    for process in [one, other, late] {
        let log = process.stop();
        assert!(!log.contains(PASSWORD) && !log.contains(&token));
    }
}
