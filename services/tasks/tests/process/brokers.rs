//! One process that serves and two that work, with a broker between them.

use super::database::Database;
use super::faults::broker::{Act, Broker};
use super::http::ask;
use super::service::{Service, TASKS};
use super::tasks_of::create;
use super::user::{login, register};
use super::{PATIENCE, until};
use std::net::SocketAddr;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Jobs that are created one at a time.
const SINGLE: i64 = 10;
/// Jobs that are created at once, before and after the broker is away.
const MANY: i64 = 100;
/// Workers that wait for a message look at the database every five seconds without one.
const WOKEN: Duration = Duration::from_secs(8);
/// The time that the broker is away.
const AWAY: Duration = Duration::from_secs(10);

/// Creates jobs of a new user, whose token bucket has room for them.
fn create_jobs(api: SocketAddr, count: i64) {
    let token = login(api, &register(api)).access;
    for number in 0..count {
        let body = r#"{"title":"a","type":"generate_report","payload":{"format":"csv"}}"#;
        ask(api, &create(&token, &number.to_string(), body)).expect(201);
    }
}

/// Creates jobs, also while the broker is away. Each one ends once.
fn every_job_ends_once(broker: Option<Broker>) {
    let Some(mut broker) = broker else { return };
    let Some(database) = Database::start(broker.name, &[]) else { return };
    let settings = database.settings.clone().with("RATE_LIMIT_PRESET", "generous");
    let settings = settings.with("BROKER_URL", &*broker.url);
    let api = Service::start(TASKS, &settings.clone().with("WORKERS", "0"));
    let workers = [(); 2].map(|()| Service::worker(&settings));
    let mut sql = database.sql();
    let mut number = |from: &str| sql.number(&format!("SELECT count(*) FROM {from}"));
    let completed = "tasks WHERE status = 'completed'";

    // No worker is busy, so messages wake them.
    let start = Instant::now();
    for count in 1..=SINGLE {
        create_jobs(api.address, 1);
        until("the job", PATIENCE, || number(completed) == count);
    }
    let took = start.elapsed();
    println!("{}: {SINGLE} jobs, one at a time: {took:?}", broker.name);
    assert!(took < WOKEN, "{took:?}: no message has come");

    create_jobs(api.address, MANY);
    broker.act(Act::Close);
    let (start, before) = (Instant::now(), number(completed));
    create_jobs(api.address, MANY);
    until("jobs without a broker", PATIENCE, || number(completed) > before + MANY / 2);
    sleep(AWAY.saturating_sub(start.elapsed()));
    for process in [&api, &workers[0], &workers[1]] {
        assert!(process.log().contains("broker is away"), "{}", process.log());
    }
    assert_eq!(api.readiness(false).status, 200);
    broker.act(Act::Open);
    let all = SINGLE + 2 * MANY;
    until("all jobs", PATIENCE, || number(completed) == all);
    until("an empty outbox", PATIENCE, || number("outbox") == 0);
    assert_eq!((number("tasks"), number("attempts")), (all, all));
    for worker in workers {
        let jobs = worker.log().matches("\"job ends\"").count();
        assert!(jobs > 0, "a worker has run no job");
        worker.drain();
    }
    api.drain();
}

#[cfg(feature = "redis")]
#[test]
fn every_job_ends_once_with_redis() {
    every_job_ends_once(Broker::redis("brokers::every_job_ends_once_with_redis"));
}

#[cfg(feature = "amqp")]
#[test]
fn every_job_ends_once_with_rabbitmq() {
    every_job_ends_once(Broker::rabbitmq("brokers::every_job_ends_once_with_rabbitmq"));
}

#[cfg(feature = "sqs")]
#[test]
fn every_job_ends_once_with_sqs() {
    every_job_ends_once(Broker::sqs("brokers::every_job_ends_once_with_sqs"));
}
