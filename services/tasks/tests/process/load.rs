//! Users that send requests continuously, while a test replaces processes.
//!
//! Each user registers, logs in, reads, refreshes and logs out, again and again with a new name. The test says which
//! processes get the requests. Every status that is not the expected one is a failure.

use super::http::{Connection, Request, Response};
use super::user::{Tokens, new_name, request};
use super::{PATIENCE, until};
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::thread::{self, JoinHandle};

/// An open session of a user, as the caller keeps it.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    pub(crate) name: String,
    pub(crate) tokens: Tokens,
}

/// The observations of the users.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Requests by name and process.
    pub(crate) answered: BTreeMap<&'static str, u64>,
    by_process: BTreeMap<SocketAddr, u64>,
    /// Users whose registration was acknowledged.
    pub(crate) users: Vec<String>,
    /// Sessions that were not ended.
    pub(crate) sessions: Vec<Kept>,
    /// Responses with another status than the expected one, and requests without a response.
    pub(crate) failures: Vec<String>,
}

impl Seen {
    pub(crate) fn requests(&self) -> u64 {
        self.answered.values().sum()
    }
}

struct Shared {
    route: RwLock<Vec<SocketAddr>>,
    stop: AtomicBool,
    /// Completed rounds of each user.
    rounds: Vec<AtomicU64>,
    seen: Mutex<Seen>,
}

/// Running users.
pub(crate) struct Load {
    shared: Arc<Shared>,
    users: Vec<JoinHandle<()>>,
}

impl Load {
    /// Starts this number of users, who send their requests to these processes in turn.
    pub(crate) fn start(users: usize, route: &[SocketAddr]) -> Self {
        let shared = Arc::new(Shared {
            route: RwLock::new(route.into()),
            stop: AtomicBool::new(false),
            rounds: (0..users).map(|_| AtomicU64::new(0)).collect(),
            seen: Mutex::default(),
        });
        let start = |place: usize| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let mut user =
                    User { shared: &shared, turn: place, rounds: place, kept: BTreeMap::new() };
                while !shared.stop.load(Ordering::Relaxed) {
                    if let Err(failure) = user.round() {
                        shared.seen.lock().unwrap().failures.push(failure);
                    }
                    shared.rounds[place].fetch_add(1, Ordering::Relaxed);
                }
            })
        };
        let users = (0..users).map(start).collect();
        Self { shared, users }
    }

    /// Sends new requests to these processes. Afterwards, no request begins at another one.
    pub(crate) fn shift(&self, route: &[SocketAddr]) {
        *self.shared.route.write().unwrap() = route.into();
    }

    /// Waits until a process has answered this number of further requests.
    #[track_caller]
    pub(crate) fn wait_for(&self, process: SocketAddr, requests: u64) {
        let answered =
            || self.shared.seen.lock().unwrap().by_process.get(&process).copied().unwrap_or(0);
        let before = answered();
        until("requests", PATIENCE, || answered() >= before + requests);
    }

    /// Waits until each user has begun a new round. No token of an earlier round is used afterwards.
    #[track_caller]
    pub(crate) fn wait_for_new_tokens(&self) {
        let rounds = || self.shared.rounds.iter().map(|rounds| rounds.load(Ordering::Relaxed));
        let before: Vec<u64> = rounds().collect();
        until("new rounds", PATIENCE, || rounds().zip(&before).all(|(now, before)| now > *before));
    }

    /// Stops the users after their current rounds.
    pub(crate) fn stop(self) -> Seen {
        self.shared.stop.store(true, Ordering::Relaxed);
        for user in self.users {
            user.join().unwrap();
        }
        std::mem::take(&mut *self.shared.seen.lock().unwrap())
    }
}

struct User<'a> {
    shared: &'a Shared,
    /// Requests sent.
    turn: usize,
    /// Rounds begun.
    rounds: usize,
    kept: BTreeMap<SocketAddr, Connection>,
}

impl User<'_> {
    /// One user from the registration to the logout. Every second session stays open.
    fn round(&mut self) -> Result<(), String> {
        self.rounds += 1;
        let name = new_name();
        self.ask("register", &request::register(&name), 201)?;
        self.shared.seen.lock().unwrap().users.push(name.clone());
        let login = self.ask("login", &request::login(&name), 200)?;
        let first = Tokens::from_response(&login);
        self.ask("readMe", &request::me(&first.access), 200)?;
        let refresh = self.ask("refresh", &request::refresh(&first.refresh), 200)?;
        let tokens = Tokens::from_response(&refresh);
        self.ask("readMe", &request::me(&tokens.access), 200)?;
        if self.rounds.is_multiple_of(2) {
            self.shared.seen.lock().unwrap().sessions.push(Kept { name, tokens });
            return Ok(());
        }
        self.ask("logout", &request::logout(&tokens.refresh), 204)?;
        // A session that has ended is refused by every process.
        for _ in 0..2 {
            self.ask("readMe", &request::me(&tokens.access), 401)?;
        }
        Ok(())
    }

    fn ask(
        &mut self,
        operation: &'static str,
        request: &Request,
        expected: u16,
    ) -> Result<Response, String> {
        let (process, response) = self.send(request).map_err(|e| format!("{operation}: {e}"))?;
        let mut seen = self.shared.seen.lock().unwrap();
        *seen.answered.entry(operation).or_default() += 1;
        *seen.by_process.entry(process).or_default() += 1;
        drop(seen);
        let is_expected = response.status == expected;
        if is_expected { Ok(response) } else { Err(format!("{operation}: {response:?}")) }
    }

    /// Holds the lock of the route until the request is sent, so that `shift` waits for it.
    fn send(&mut self, request: &Request) -> io::Result<(SocketAddr, Response)> {
        let route = self.shared.route.read().unwrap();
        self.turn += 1;
        let process = route[self.turn % route.len()];
        self.kept.retain(|known, _| route.contains(known));
        let kept = self.kept.remove(&process);
        let mut connection = kept.map_or_else(|| Connection::open(process), Ok)?;
        connection.send(request)?;
        drop(route);
        let response = connection.receive()?;
        if !response.closes() {
            self.kept.insert(process, connection);
        }
        Ok((process, response))
    }
}
