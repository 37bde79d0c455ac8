//! Workers that Redis wakes.

use super::database::Database;
use super::http::ask;
use super::service::{Service, Settings, TASKS};
use super::tasks_of::create;
use super::user::{login, register};
use super::{PATIENCE, until};
use chassis::databases::Redis;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const USERS: usize = 4;
/// Jobs of each user, with Redis and again without it.
const JOBS: usize = 25;
/// At least this long, Redis is away.
const AWAY: Duration = Duration::from_secs(10);

fn create_jobs(api: SocketAddr, users: &[String], count: usize) {
    for number in 0..count * users.len() {
        let payload = format!(r#"{{"to":"a@example.com","subject":"{number}","body":"b"}}"#);
        let body = format!(r#"{{"type":"send_email","title":"mail","payload":{payload}}}"#);
        let key = uuid::Uuid::now_v7().to_string();
        ask(api, &create(&users[number % users.len()], &key, &body)).expect(201);
    }
}

/// The jobs that a process has ended.
fn processed(worker: &Service) -> usize {
    let log = worker.log();
    log.lines().filter(|line| line.contains("job ends")).count()
}

#[test]
fn jobs_end_once_with_redis_and_while_it_is_away() {
    let test = "redis::jobs_end_once_with_redis_and_while_it_is_away";
    let Some(database) = Database::start(test, &[]) else { return };
    if !Redis::can_start(test) {
        return;
    }
    let mut redis = Redis::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().display().to_string();
    let settings = database.settings.clone().with("BROKER_URL", redis.url());
    let settings = settings.with("RATE_LIMIT_PRESET", "generous").with("STATE_DIR", state);
    let settings = settings.with("MAIL_DAILY_LIMIT", "1000:1000");
    let api = Service::start(TASKS, &settings.clone().with("WORKERS", "0"));
    let workers = [(); 2].map(|()| Service::worker(&without_api(&settings)));
    let users: Vec<_> =
        (0..USERS).map(|_| login(api.address, &register(api.address)).access).collect();
    let mut sql = database.sql();
    let mut completed = || sql.number("SELECT count(*) FROM tasks WHERE status = 'completed'");

    let all = i64::try_from(USERS * JOBS).unwrap();
    create_jobs(api.address, &users, JOBS);
    until("the jobs", PATIENCE, || completed() == all);
    until("the end of all messages", PATIENCE, || redis.call(&["XLEN", "tasks:jobs"]) == "0");
    let stream = redis.call(&["XINFO", "STREAM", "tasks:jobs"]);
    let added = stream.lines().skip_while(|line| *line != "entries-added").nth(1).unwrap();
    assert!(added.parse::<i64>().unwrap() >= all, "{stream}");

    redis.stop();
    let stopped = Instant::now();
    create_jobs(api.address, &users, JOBS);
    until("the jobs without Redis", PATIENCE, || completed() == 2 * all);
    println!("redis: {all} jobs ended {:?} after it was stopped", stopped.elapsed());
    for worker in &workers {
        until("the failure in the log", PATIENCE, || worker.log().contains("broker is away"));
        assert!(processed(worker) > 0, "both work");
    }
    until("the time", PATIENCE, || stopped.elapsed() > AWAY);

    redis.start_again();
    create_jobs(api.address, &users, 1);
    let last = 2 * all + i64::try_from(USERS).unwrap();
    until("the last jobs", PATIENCE, || completed() == last);
    let mut sql = database.sql();
    until("an empty outbox", PATIENCE, || sql.number("SELECT count(*) FROM outbox") == 0);
    until("the end of all messages", PATIENCE, || redis.call(&["XLEN", "tasks:jobs"]) == "0");
    assert_eq!(sql.number("SELECT count(*) FROM tasks"), last);
    assert_eq!(sql.number("SELECT count(*) FROM attempts"), last, "no job ran twice");
    assert_eq!(redis.call(&["XLEN", "tasks:dead"]), "0");
    let mails = std::fs::read_dir(folder.path().join("mails")).unwrap().count();
    assert_eq!(i64::try_from(mails).unwrap(), last);
    workers.into_iter().for_each(Service::drain);
    api.drain();
}

/// A worker needs no key that signs tokens, and no rule for registration.
fn without_api(settings: &Settings) -> Settings {
    settings.clone().without("JWT_KEYS").without("REGISTRATION")
}
