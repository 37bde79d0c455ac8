//! Users that create tasks continuously. Each repeats a creation with its key until it is acknowledged.

use super::mail_server::wish;
use crate::http::{Connection, Request, Response};
use crate::tasks_of::create;
use crate::user::{login, register};
use crate::{PATIENCE, until};
use fastrand::Rng;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::thread::{self, JoinHandle, sleep};
use std::time::Duration;
use tasks::model::timestamp::Timestamp;

/// The users of a round.
const USERS: usize = 4;
/// The pause of a user between two tasks, so that the workers keep up.
const PAUSE: Duration = Duration::from_millis(200);
/// The same, while the workers have much other work.
const CALM_PAUSE: Duration = Duration::from_secs(2);
/// The pause before a request is repeated.
const AGAIN: Duration = Duration::from_millis(50);

/// The addresses of the API, which change when a process is replaced. Each user calls one of them.
pub(crate) type Address = Arc<RwLock<Vec<SocketAddr>>>;

struct Shared {
    /// The beginning of all titles and keys.
    round: String,
    address: Address,
    tokens: Vec<String>,
    stop: AtomicBool,
    /// They create fewer tasks.
    calm: AtomicBool,
    /// The test has failed.
    abandoned: AtomicBool,
    /// The ids of acknowledged tasks, without dashes.
    known: Mutex<BTreeSet<String>>,
    /// Requests without an answer, and answers that were 503 or 504.
    refused: AtomicUsize,
    next: AtomicUsize,
    /// The time of the newest task in milliseconds.
    newest: AtomicI64,
}

/// Running users.
pub(crate) struct Callers {
    shared: Arc<Shared>,
    users: Vec<JoinHandle<()>>,
}

impl Callers {
    /// Registers new users, who then create tasks at this address.
    pub(crate) fn start(round: &str, address: &Address, random: &mut Rng) -> Self {
        let process = address.read().unwrap()[0];
        let tokens = (0..USERS).map(|_| login(process, &register(process)).access).collect();
        let shared = Arc::new(Shared {
            round: round.to_owned(),
            address: Arc::clone(address),
            tokens,
            stop: AtomicBool::new(false),
            calm: AtomicBool::new(false),
            abandoned: AtomicBool::new(false),
            known: Mutex::default(),
            refused: AtomicUsize::new(0),
            next: AtomicUsize::new(0),
            newest: AtomicI64::new(0),
        });
        let start = |user: usize| {
            let (shared, mut random) = (Arc::clone(&shared), random.fork());
            thread::spawn(move || {
                let mut caller = Caller { shared: &shared, user, connection: None };
                while !shared.stop.load(Ordering::Relaxed) {
                    let (job, max_attempts) = any(&mut random);
                    let id = caller.create(&job, max_attempts);
                    if random.u8(0..20) == 0 {
                        caller.cancel(&id);
                    }
                    let is_calm = shared.calm.load(Ordering::Relaxed);
                    sleep(if is_calm { CALM_PAUSE } else { PAUSE });
                }
            })
        };
        let users = (0..USERS).map(start).collect();
        Self { shared, users }
    }

    /// Creates fewer tasks from now on, until the end of the round.
    pub(crate) fn calm(&self) {
        self.shared.calm.store(true, Ordering::Relaxed);
    }

    /// The number of acknowledged tasks.
    pub(crate) fn acknowledged(&self) -> usize {
        self.shared.known.lock().unwrap().len()
    }

    /// The number of requests that failed for now.
    pub(crate) fn refused(&self) -> usize {
        self.shared.refused.load(Ordering::Relaxed)
    }

    /// The time of the task that was acknowledged last, in milliseconds.
    pub(crate) fn newest_creation(&self) -> i64 {
        self.shared.newest.load(Ordering::Relaxed)
    }

    /// Waits until the users have created this number of further tasks.
    #[track_caller]
    pub(crate) fn wait_for(&self, tasks: usize) {
        let before = self.acknowledged();
        until("acknowledged tasks", PATIENCE, || self.acknowledged() >= before + tasks);
    }

    /// Waits until a request of a user fails.
    #[track_caller]
    pub(crate) fn wait_for_refusal(&self) {
        let before = self.refused();
        until("a refused request", PATIENCE, || self.refused() > before);
    }

    /// Creates tasks in addition, by all users. Returns their ids.
    pub(crate) fn create(&self, number: usize, job: &Job, max_attempts: u16) -> Vec<String> {
        thread::scope(|scope| {
            let start = |user: usize| {
                let shared = &*self.shared;
                let share = (number + USERS - 1 - user) / USERS;
                scope.spawn(move || {
                    let mut caller = Caller { shared, user, connection: None };
                    (0..share).map(|_| caller.create(job, max_attempts)).collect::<Vec<_>>()
                })
            };
            let users: Vec<_> = (0..USERS).map(start).collect();
            users.into_iter().flat_map(|user| user.join().unwrap()).collect()
        })
    }

    /// Stops the users after their current tasks. Returns the acknowledged ones.
    pub(crate) fn stop(mut self) -> BTreeSet<String> {
        self.shared.stop.store(true, Ordering::Relaxed);
        for user in std::mem::take(&mut self.users) {
            user.join().unwrap();
        }
        std::mem::take(&mut *self.shared.known.lock().unwrap())
    }
}

impl Drop for Callers {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.shared.abandoned.store(true, Ordering::Relaxed);
    }
}

/// The work of a task.
pub(crate) enum Job {
    /// A mail with this wish.
    Mail(String),
    Report,
}

/// Mostly mails that take some time, and how often they may run.
fn any(random: &mut Rng) -> (Job, u16) {
    match random.u8(0..20) {
        0..2 => (Job::Report, 5),
        2..4 => (Job::Mail(wish::SECOND.into()), 5),
        4 => (Job::Mail(wish::REFUSED.into()), 2),
        _ => (Job::Mail(format!("{}{}", wish::SLOW, random.u32(50..250))), 5),
    }
}

impl Job {
    fn body(&self, title: &str, max_attempts: u16) -> Value {
        let (kind, payload) = match self {
            Self::Mail(wish) => {
                let to = format!("{wish}@example.com");
                ("send_email", json!({ "to": to, "subject": title, "body": "a" }))
            }
            Self::Report => ("generate_report", json!({ "format": "csv" })),
        };
        json!({ "type": kind, "title": title, "max_attempts": max_attempts, "payload": payload })
    }
}

struct Caller<'a> {
    shared: &'a Shared,
    user: usize,
    connection: Option<(SocketAddr, Connection)>,
}

impl Caller<'_> {
    /// Creates a task, and repeats the request until it is acknowledged.
    fn create(&mut self, job: &Job, max_attempts: u16) -> String {
        let number = self.shared.next.fetch_add(1, Ordering::Relaxed);
        let key = format!("{}-{}-{number}", self.shared.round, self.user);
        let body = job.body(&key, max_attempts).to_string();
        let request = create(&self.shared.tokens[self.user], &key, &body);
        let answer = self.persist(&request, 201);
        let created = Timestamp::parse(&answer.text("created_at")).unwrap().as_millis();
        self.shared.newest.store(created, Ordering::Relaxed);
        let id = answer.text("id");
        assert!(self.shared.known.lock().unwrap().insert(id.replace('-', "")), "{id} is not new");
        id
    }

    /// A task that has ended is not cancelled (409).
    fn cancel(&mut self, id: &str) {
        let token = &self.shared.tokens[self.user];
        let request = Request::new(&format!("POST /api/v1/tasks/{id}/cancel")).token(token);
        self.persist(&request, 200);
    }

    fn persist(&mut self, request: &Request, expected: u16) -> Response {
        loop {
            assert!(!self.shared.abandoned.load(Ordering::Relaxed), "the test has ended");
            match self.ask(request) {
                Ok(answer) if answer.status == expected => return answer,
                Ok(answer) if answer.status == 409 && expected == 200 => return answer,
                // A rate limit, and a request with the same key whose connection broke.
                Ok(answer) if matches!(answer.status, 409 | 429) => {}
                Ok(answer) if !matches!(answer.status, 503 | 504) => panic!("{answer:?}"),
                _ => {
                    self.shared.refused.fetch_add(1, Ordering::Relaxed);
                }
            }
            sleep(AGAIN);
        }
    }

    fn ask(&mut self, request: &Request) -> io::Result<Response> {
        let addresses = self.shared.address.read().unwrap().clone();
        let address = addresses[self.user % addresses.len()];
        let kept = self.connection.take().filter(|(known, _)| *known == address);
        let mut connection =
            kept.map_or_else(|| Connection::open(address), |(_, kept)| Ok(kept))?;
        connection.send(request)?;
        let answer = connection.receive()?;
        if !answer.closes() {
            self.connection = Some((address, connection));
        }
        Ok(answer)
    }
}
