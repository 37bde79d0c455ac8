//! Streams of events: a thousand of them in one process, and changes that another process makes.

use super::follower::{Followers, Member, Plan, TOKENS, members};
use super::http::{Connection, Request, ask};
use super::service::{Service, Settings, TASKS, migrate};
use super::sql::Sql;
use super::{PATIENCE, until};
use chassis::databases::{PgBouncer, Postgres, can_start};
use serde_json::json;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

const USERS: usize = 100;
const STREAMS_OF_A_USER: usize = 10;
const STREAMS: usize = USERS * STREAMS_OF_A_USER;
const CHANGES: usize = 10;
/// The time in which the statements without any change are counted.
const IDLE: Duration = Duration::from_secs(4);
/// The longest time of a probe and of a request, on a busy machine.
const RESPONSIVE: Duration = Duration::from_secs(2);
/// The memory of a stream with its connection.
const MEMORY: u64 = 64 << 10;

fn settings(url: &str) -> Settings {
    let settings = Settings::postgres(url)
        .with("RATE_LIMIT_PRESET", "generous")
        .with("MAX_CONNECTIONS", (STREAMS + 64).to_string())
        // Workers look at the database too.
        .with("WORKERS", "0");
    TOKENS.iter().fold(settings, |settings, (name, value)| settings.with(name, *value))
}

/// A task of a member.
struct Task {
    path: String,
    token: String,
}

impl Task {
    fn create(process: SocketAddr, member: &Member) -> Self {
        let request = Request::new("POST /api/v1/tasks").token(&member.token);
        let created = ask(process, &request.json(&json!({ "title": "a" }))).expect(201);
        Self { path: format!("/api/v1/tasks/{}", created.text("id")), token: member.token.clone() }
    }

    fn change(&self, connection: &mut Connection, title: usize) -> Instant {
        let at = Instant::now();
        let request = Request::new(&format!("PATCH {}", self.path)).token(&self.token);
        let body = json!({ "title": format!("b{title}") });
        connection.send(&request.json(&body)).unwrap();
        connection.receive().unwrap().expect(200);
        at
    }
}

/// The times between the changes of a task and their arrivals, sorted.
fn latencies(followers: &Followers, changed: &BTreeMap<(usize, u64), Instant>) -> Vec<Duration> {
    let mut found = Vec::new();
    for (place, seen) in followers.seen.iter().enumerate() {
        for event in &seen.lock().unwrap().events {
            let version = event.data["version"].as_u64().unwrap();
            let begun = changed[&(place / STREAMS_OF_A_USER, version)];
            found.push(event.at.duration_since(begun));
        }
    }
    found.sort_unstable();
    found
}

fn shown(latencies: &[Duration]) -> String {
    let (median, most) = (latencies[latencies.len() / 2], latencies[latencies.len() - 1]);
    format!("latency median {median:?}, most {most:?}")
}

/// Each client has each event once, also if it has continued.
fn assert_complete(followers: &Followers, events: usize) -> usize {
    let mut continued = 0;
    for seen in &followers.seen {
        let seen = seen.lock().unwrap();
        assert_eq!(seen.failure, None);
        let begun = seen.begun_at.unwrap();
        let numbers: Vec<_> = seen.events.iter().map(|event| event.number).collect();
        let expected: Vec<_> = (begun + 1..=begun + events as u64).collect();
        assert_eq!(numbers, expected, "missed or doubled");
        assert!(seen.events.iter().all(|event| event.kind == "task"));
        continued += seen.opened - 1;
    }
    continued
}

/// Probes and requests of other callers. Returns their number and the longest time.
fn others(process: SocketAddr, token: &str, stop: &AtomicBool) -> (u32, Duration) {
    let (mut sent, mut longest) = (0, Duration::ZERO);
    while !stop.load(Ordering::Relaxed) {
        for path in ["/healthz", "/readyz", "/api/v1/users/me"] {
            let begun = Instant::now();
            ask(process, &Request::new(&format!("GET {path}")).token(token)).expect(200);
            longest = longest.max(begun.elapsed());
            sent += 1;
        }
        sleep(Duration::from_millis(50));
    }
    (sent, longest)
}

#[test]
fn thousand_streams_get_each_event_once() {
    if !can_start("events::thousand_streams_get_each_event_once") {
        return;
    }
    let server = Postgres::start(&["shared_preload_libraries=pg_stat_statements"]);
    let url = server.url("postgres");
    let settings = settings(&url);
    migrate(TASKS, &settings);
    let mut sql = Sql::connect(&url);
    sql.execute("CREATE EXTENSION pg_stat_statements");
    let service = Service::start(TASKS, &settings);
    let process = service.address;
    let members = members(&mut sql, USERS);
    let tasks: Vec<_> = members.iter().map(|member| Task::create(process, member)).collect();
    let before = service.memory();
    let plan = |place: usize| Plan {
        process,
        token: members[place / STREAMS_OF_A_USER].token.clone(),
        again_after: (place % 10 == 3).then_some(CHANGES / 2),
    };
    let begun = Instant::now();
    let followers = Followers::start((0..STREAMS).map(plan).collect());
    let opened = begun.elapsed();
    let each = (service.memory() - before) / STREAMS as u64;

    sql.execute("SELECT pg_stat_statements_reset()");
    sleep(IDLE);
    let statements = sql.number("SELECT sum(calls)::bigint FROM pg_stat_statements");

    let stop = AtomicBool::new(false);
    let ((sent, longest), changed) = thread::scope(|scope| {
        let others = scope.spawn(|| others(process, &members[0].token, &stop));
        let mut connection = Connection::open(process).unwrap();
        let mut changed = BTreeMap::new();
        for change in 0..CHANGES {
            for (user, task) in tasks.iter().enumerate() {
                changed.insert((user, 2 + change as u64), task.change(&mut connection, change));
            }
        }
        until("all events", PATIENCE, || followers.events() >= STREAMS * CHANGES);
        stop.store(true, Ordering::Relaxed);
        (others.join().unwrap(), changed)
    });
    let continued = assert_complete(&followers, CHANGES);
    let latencies = latencies(&followers, &changed);
    println!(
        "events: {STREAMS} streams of {USERS} users, opened in {opened:?}; {} changes, {} events received, 0 missed, \
        0 doubled, {continued} streams continued; {each} bytes for each stream; {statements} statements in {IDLE:?} without \
        changes; {}; {sent} probes and requests, each at most {longest:?}",
        USERS * CHANGES,
        latencies.len(),
        shown(&latencies)
    );
    assert_eq!((latencies.len(), continued), (STREAMS * CHANGES, STREAMS / 10));
    assert!(each < MEMORY, "{each} bytes for each stream");
    // Two a second for the streams, a check of the schema every two seconds, and the reset.
    assert!(statements <= 16, "{statements} statements in {IDLE:?}");
    assert!(sent >= 6 && longest < RESPONSIVE, "{sent} in at most {longest:?}");
    // The drain ends all of them completely.
    service.drain();
    until("the end of all streams", PATIENCE, || {
        followers.seen.iter().all(|seen| seen.lock().unwrap().ended)
    });
}

/// Changes in one process arrive in a stream of the other one, and the end of a session too.
fn two_processes(what: &str, settings: &Settings, direct: &str, number: usize) -> Duration {
    let mut sql = Sql::connect(direct);
    let services = [(); 2].map(|()| Service::start(TASKS, settings));
    let processes = services.each_ref().map(|service| service.address);
    let members = members(&mut sql, 1);
    let task = Task::create(processes[0], &members[0]);
    let token = members[0].token.clone();
    let plan = Plan { process: processes[1], token, again_after: None };
    let followers = Followers::start(vec![plan]);
    let mut connection = Connection::open(processes[0]).unwrap();
    let mut changed = BTreeMap::new();
    for change in 0..number {
        changed.insert((0, 2 + change as u64), task.change(&mut connection, change));
        until("the event", PATIENCE, || followers.events() > change);
    }
    assert_complete(&followers, number);
    let latencies = latencies(&followers, &changed);
    println!("{what}: {number} changes in the other process, {}", shown(&latencies));
    sql.execute(&format!("DELETE FROM sessions WHERE id = '{}'", members[0].session));
    let ended =
        until("the end of the stream", PATIENCE, || followers.seen[0].lock().unwrap().ended);
    println!("{what}: the stream ends {ended:?} after its session");
    drop(connection);
    services.into_iter().for_each(Service::drain);
    latencies[latencies.len() / 2]
}

#[test]
fn changes_of_another_process_arrive() {
    if !can_start("events::changes_of_another_process_arrive") {
        return;
    }
    let server = Postgres::start(&[]);
    let direct = server.url("postgres");
    migrate(TASKS, &settings(&direct));
    let median = two_processes("LISTEN", &settings(&direct), &direct, 30);
    assert!(median < Duration::from_millis(300), "{median:?}: no faster than the poll");
    let pgbouncer = PgBouncer::start(&server);
    let pooled = settings(&pgbouncer.url("postgres")).with("DATABASE_POOLER", "true");
    two_processes("PgBouncer", &pooled, &direct, 5);
}
