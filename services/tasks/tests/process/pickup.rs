//! The time from the creation of a job to its claim: on an idle service, and for a user whose job comes after ten thousand
//! jobs of another user.

use super::faults::bed::Bed;
use super::faults::mail_server::wish;
use super::http::{Request, ask};
use super::user::{login, register};
use super::{PATIENCE, until};
use serde_json::json;

/// Jobs that are created one at a time.
const JOBS: usize = 300;
/// The default of `MAX_PENDING`.
const WAITING: usize = 10_000;
/// Users who come later, one after another.
const LATER: usize = 5;
/// A claim of each process can be under way when a job is created, and its next one too.
const CLAIMS_BETWEEN: usize = 4;
/// Less than the poll, in milliseconds. So hardly any wake-up was missed.
const LATE: i64 = 800;

/// The body of a mail that takes some milliseconds.
fn body(title: &str, millis: u32) -> serde_json::Value {
    let to = format!("{}{millis}@example.com", wish::SLOW);
    let payload = json!({ "to": to, "subject": title, "body": "a" });
    json!({ "type": "send_email", "title": title, "payload": payload })
}

/// Creates a job. Returns its id without dashes.
fn create(bed: &Bed, token: &str, title: &str, millis: u32) -> String {
    let address = bed.address.read().unwrap()[0];
    let request = Request::new("POST /api/v1/tasks").token(token).json(&body(title, millis));
    ask(address, &request).expect(201).text("id").replace('-', "")
}

fn new_user(bed: &Bed) -> String {
    let address = bed.address.read().unwrap()[0];
    login(address, &register(address)).access
}

/// The jobs are created one at a time, so that each one finds free workers.
fn idle(bed: &Bed) {
    let token = new_user(bed);
    for _ in 0..JOBS {
        let id = create(bed, &token, "idle", 0);
        until("the run", PATIENCE, || bed.mails.arrived(&id) == 1);
    }
    let sql = "SELECT CAST(a.started_at - t.created_at AS TEXT) FROM attempts a \
        JOIN tasks t ON t.id = a.task_id WHERE t.title = 'idle'";
    let rows = bed.books.texts(sql);
    let mut waits: Vec<i64> = rows.iter().map(|row| row.parse().unwrap()).collect();
    waits.sort_unstable();
    assert_eq!(waits.len(), JOBS);
    let [median, late, most] = [waits[JOBS / 2], waits[JOBS * 99 / 100], waits[JOBS - 1]];
    println!(
        "pickup on {}: {JOBS} jobs on an idle service, median {median} ms, p99 {late} ms, most {most} ms",
        bed.engine
    );
    assert!(late < LATE, "{late} ms: no faster than the poll");
}

/// Gives the owner of a job ten thousand further ones, without the time of as many requests.
fn flood(bed: &Bed, first: &str) {
    let id = bed.books.id("id");
    let (new_id, numbers) = if bed.is_postgres() {
        ("gen_random_uuid()", format!("generate_series(1, {WAITING})"))
    } else {
        let numbers = format!(
            "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {WAITING}) SELECT i FROM n)"
        );
        ("randomblob(16)", numbers)
    };
    bed.books.texts(&format!(
        "UPDATE user_usage SET tasks = tasks + {WAITING}, pending = pending + {WAITING} \
        WHERE user_id = (SELECT user_id FROM tasks WHERE {id} = '{first}') RETURNING 'x'"
    ));
    let added = bed.books.texts(&format!(
        "INSERT INTO tasks (id, user_id, type, status, priority, attempts, max_attempts, version, created_at, updated_at, \
        title, search, payload) SELECT {new_id}, user_id, type, 'pending', priority, 0, 5, 1, created_at, created_at, \
        'flood', search, payload FROM tasks, {numbers} AS numbers WHERE {id} = '{first}' RETURNING title"
    ));
    assert_eq!(added.len(), WAITING);
}

fn second_user(bed: &Bed) {
    let first = create(bed, &new_user(bed), "first", 100);
    flood(bed, &first);
    let tokens: Vec<_> = (0..LATER).map(|_| new_user(bed)).collect();
    until("busy workers", PATIENCE, || bed.mails.waiting(wish::SLOW).len() > bed.workers.len());
    let mut ids = Vec::new();
    for token in &tokens {
        let id = create(bed, token, "later", 0);
        until("the run", PATIENCE, || bed.mails.arrived(&id) == 1);
        ids.push(id);
    }
    let waiting = bed.books.count("tasks WHERE title = 'flood' AND status = 'pending'");
    let (mut most, mut between) = (0, 0);
    for id in ids {
        let (text, own) = (bed.books.id("t.id"), "a.task_id = t.id AND a.fence = 1");
        let sql = format!(
            "SELECT (a.started_at - t.created_at) || ' ' || (SELECT count(*) FROM attempts o WHERE o.task_id <> t.id \
            AND o.started_at >= t.created_at AND o.started_at < a.started_at) \
            FROM tasks t JOIN attempts a ON {own} WHERE {text} = '{id}'"
        );
        let row = &bed.books.texts(&sql)[0];
        let (wait, claims) = row.split_once(' ').unwrap();
        most = most.max(wait.parse::<i64>().unwrap());
        between = between.max(claims.parse().unwrap());
    }
    println!(
        "pickup on {}: the first jobs of {LATER} users behind {waiting} jobs of another one: at most {most} ms and \
        {between} other claims before",
        bed.engine
    );
    assert!(waiting > WAITING / 2, "only {waiting} jobs waited");
    assert!(between <= CLAIMS_BETWEEN, "{between} other claims before");
}

#[test]
fn job_is_picked_up_soon_on_sqlite() {
    let bed = Bed::sqlite();
    idle(&bed);
    second_user(&bed);
}

#[test]
fn job_is_picked_up_soon_on_postgres() {
    let Some(bed) = Bed::postgres("pickup::job_is_picked_up_soon_on_postgres") else { return };
    idle(&bed);
    second_user(&bed);
}
