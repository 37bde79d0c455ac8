//! Crashes while callers create tasks with keys: of a process (`kill -9`), and of the PostgreSQL server. Afterwards, each
//! caller repeats all its requests with the same keys.

use super::database::Database;
use super::http::{Connection, ask};
use super::service::{Service, Settings, TASKS};
use super::tasks_of::{create, ids};
use super::user::{login, register};
use super::{PATIENCE, until};
use fastrand::Rng;
use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};
use tasks::model::timestamp::Timestamp;

/// Each is a user.
const CALLERS: usize = 6;
/// The time of a run.
const RUN: Duration = Duration::from_secs(8);
/// It continues until this time if no unanswered request was stored, or if all were.
const LONGEST: Duration = Duration::from_secs(24);

/// A request of a caller.
struct Creation {
    key: String,
    /// The id of the task, if the request was answered.
    task: Option<String>,
}

impl Creation {
    fn body(&self) -> String {
        format!(r#"{{"title":"{}"}}"#, self.key)
    }
}

/// A user, and the tasks of all requests so far.
struct Caller {
    token: String,
    tasks: BTreeSet<String>,
}

#[derive(Debug, Default)]
struct Counts {
    crashes: BTreeMap<&'static str, u32>,
    keys: usize,
    answered: usize,
    /// Requests that were stored, but not answered.
    stored: usize,
    /// Requests that were neither stored nor answered.
    not_stored: usize,
}

/// Creates tasks at a process until a request fails, or until `stop`.
fn create_until(
    process: SocketAddr,
    token: &str,
    round: u32,
    stop: &AtomicBool,
    answered: &Sender<()>,
) -> Vec<Creation> {
    let mut connection = Connection::open(process).unwrap();
    let mut creations = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let mut creation = Creation { key: format!("{round}-{}", creations.len()), task: None };
        let request = create(token, &creation.key, &creation.body());
        let answer = connection.send(&request).and_then(|()| connection.receive());
        match answer {
            Ok(answer) if answer.status == 503 => {}
            Ok(answer) => creation.task = Some(answer.expect(201).text("id")),
            Err(_) => {}
        }
        let failed = creation.task.is_none();
        creations.push(creation);
        if failed {
            break;
        }
        answered.send(()).unwrap();
    }
    creations
}

/// Repeats all requests. Returns the tasks, and how many of the unanswered requests were stored before.
fn repeat(process: SocketAddr, token: &str, creations: &[Creation]) -> (Vec<String>, usize) {
    let (mut tasks, mut stored) = (Vec::new(), 0);
    for creation in creations {
        let now = Timestamp::from(std::time::UNIX_EPOCH.elapsed().unwrap());
        let answer = ask(process, &create(token, &creation.key, &creation.body())).expect(201);
        let task = answer.text("id");
        if let Some(first) = &creation.task {
            assert_eq!(task, *first);
        } else {
            let created = Timestamp::parse(&answer.text("created_at")).unwrap();
            stored += usize::from(created < now);
        }
        tasks.push(task);
    }
    (tasks, stored)
}

/// The processes, and their database server if they have one.
struct Bed {
    settings: Settings,
    processes: usize,
    services: Vec<Service>,
    database: Option<Database>,
}

impl Bed {
    fn new(settings: &Settings, processes: usize, database: Option<Database>) -> Self {
        let settings = settings.clone().with("RATE_LIMIT_PRESET", "generous");
        let mut bed = Self { settings, processes, services: Vec::new(), database };
        bed.complete();
        bed
    }

    /// Starts the missing processes.
    fn complete(&mut self) {
        while self.services.len() < self.processes {
            self.services.push(Service::start(TASKS, &self.settings));
        }
    }

    /// Ends a process, or the server, without a warning. Returns its name.
    fn crash(&mut self, random: &mut Rng) -> &'static str {
        let target = random.usize(0..self.services.len() + usize::from(self.database.is_some()));
        match &mut self.database {
            Some(database) if target == self.services.len() => {
                database.server.crash();
                "server"
            }
            _ => {
                // SIGKILL.
                drop(self.services.remove(target));
                "process"
            }
        }
    }

    /// Makes requests possible again. Of two processes, the other one is enough.
    fn recover(&mut self, crashed: &str) {
        match &mut self.database {
            Some(database) if crashed == "server" => {
                database.server.start_again();
                for service in &self.services {
                    until("readiness", PATIENCE, || service.readiness(false).status == 200);
                }
            }
            Some(_) => {}
            None => self.complete(),
        }
    }

    /// One crash. Returns the requests of each caller before it.
    fn round(
        &mut self,
        round: u32,
        callers: &[Caller],
        random: &mut Rng,
    ) -> (&'static str, Vec<Vec<Creation>>) {
        let answers = random.usize(1..60);
        let pause = Duration::from_micros(random.u64(0..4000));
        let processes: Vec<_> = self.services.iter().map(|service| service.address).collect();
        let stop = AtomicBool::new(false);
        let stop = &stop;
        let (sender, answered) = channel();
        thread::scope(|scope| {
            let start = |(caller, process): (&Caller, SocketAddr)| {
                let (token, sender) = (caller.token.clone(), sender.clone());
                scope.spawn(move || create_until(process, &token, round, stop, &sender))
            };
            let processes = processes.iter().copied().cycle();
            let callers: Vec<_> = callers.iter().zip(processes).map(start).collect();
            assert_eq!(answered.iter().take(answers).count(), answers);
            thread::sleep(pause);
            let crashed = self.crash(random);
            stop.store(true, Ordering::Relaxed);
            (crashed, callers.into_iter().map(|caller| caller.join().unwrap()).collect())
        })
    }
}

fn crashes(what: &str, mut bed: Bed) {
    let seed = env::var("CRASH_SEED").map_or_else(|_| fastrand::u64(..), |s| s.parse().unwrap());
    println!("{what}: CRASH_SEED={seed}");
    let mut random = Rng::with_seed(seed);
    let process = bed.services[0].address;
    let mut callers = [(); CALLERS].map(|()| {
        let token = login(process, &register(process)).access;
        Caller { token, tasks: BTreeSet::new() }
    });
    let mut counts = Counts::default();
    let start = Instant::now();
    let is_over = |counts: &Counts| {
        let both = counts.stored > 0 && counts.not_stored > 0;
        start.elapsed() > if both { RUN } else { LONGEST }
    };
    for round in 0.. {
        let (crashed, creations) = bed.round(round, &callers, &mut random);
        bed.recover(crashed);
        *counts.crashes.entry(crashed).or_default() += 1;
        let process = random.choice(&bed.services).unwrap().address;
        thread::scope(|scope| {
            let repeats: Vec<_> = callers
                .iter()
                .zip(&creations)
                .map(|(Caller { token, .. }, creations)| {
                    let token = token.clone();
                    scope.spawn(move || repeat(process, &token, creations))
                })
                .collect();
            for ((caller, repeat), creations) in callers.iter_mut().zip(repeats).zip(&creations) {
                let (tasks, stored) = repeat.join().unwrap();
                let answered = creations.iter().filter(|one| one.task.is_some()).count();
                counts.keys += creations.len();
                counts.answered += answered;
                counts.stored += stored;
                counts.not_stored += creations.len() - answered - stored;
                caller.tasks.extend(tasks);
            }
        });
        bed.complete();
        if is_over(&counts) {
            break;
        }
    }
    let tasks: usize = callers.iter().map(|caller| caller.tasks.len()).sum();
    assert_eq!(tasks, counts.keys, "two keys have the same task");
    let (mut lost, mut doubled) = (0, 0);
    for Caller { token, tasks } in &callers {
        let listed = ids(bed.services[0].address, token);
        lost += tasks.difference(&listed).count();
        doubled += listed.difference(tasks).count();
    }
    println!("{what}: {counts:?}, {lost} lost, {doubled} doubled, {:?}", start.elapsed());
    assert_eq!((lost, doubled), (0, 0));
    assert!(counts.stored + counts.not_stored > 0, "no request was in flight at a crash");
    bed.services.into_iter().for_each(Service::drain);
}

#[test]
fn crash_leaves_one_task_for_each_key_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings::sqlite(&folder.path().join("tasks.db"));
    crashes("crashes on SQLite", Bed::new(&settings, 1, None));
}

#[test]
fn crash_leaves_one_task_for_each_key_on_two_processes() {
    let test = "crashes::crash_leaves_one_task_for_each_key_on_two_processes";
    let Some(database) = Database::start(test, &["fsync=on"]) else { return };
    let settings = database.settings.clone();
    crashes("crashes of two processes and PostgreSQL", Bed::new(&settings, 2, Some(database)));
}
