//! The processes under test. SQLite has one, which serves and works. PostgreSQL has one that serves, and two that work. With a
//! broker, it has three of each.

use super::books::Books;
use super::broker::Broker;
use super::callers::Address;
use super::clock::FakeClock;
use super::disk::Disk;
use super::mail_server::MailServer;
use crate::database::Database;
use crate::service::{Service, Settings, TASKS};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// Short, so that a test sees the end of leases. A busy machine must still renew them.
pub(crate) const LEASE: Duration = Duration::from_secs(2);
/// The jobs that a worker runs at once.
const SLOTS: &str = "12";
/// The processes that serve and that work on PostgreSQL.
const PROCESSES: (usize, usize) = (1, 2);
/// The same with a broker.
const PROCESSES_WITH_BROKER: (usize, usize) = (3, 3);

/// A process that runs jobs. Its name is the sender of its mails.
pub(crate) struct Worker {
    pub(crate) name: String,
    pub(crate) service: Service,
}

/// A folder, which can become full if it is a file system of its own.
pub(crate) enum Place {
    Disk(Disk),
    Folder(TempDir),
}

impl Place {
    fn new() -> Self {
        Disk::mount().map_or_else(|| Self::Folder(tempfile::tempdir().unwrap()), Self::Disk)
    }

    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Disk(disk) => disk.path(),
            Self::Folder(folder) => folder.path(),
        }
    }

    pub(crate) fn disk(&self) -> Option<&Disk> {
        if let Self::Disk(disk) = self { Some(disk) } else { None }
    }
}

/// The processes, and what they use.
pub(crate) struct Bed {
    pub(crate) engine: &'static str,
    pub(crate) workers: Vec<Worker>,
    /// The processes without workers.
    servers: Vec<Service>,
    pub(crate) broker: Option<Broker>,
    pub(crate) address: Address,
    pub(crate) books: Books,
    pub(crate) mails: MailServer,
    pub(crate) clock: Option<FakeClock>,
    settings: Settings,
    /// Stale results that processes dropped before they ended.
    stale: u64,
    started: u32,
    pub(crate) database: Option<Database>,
    /// The file of SQLite is in it.
    pub(crate) state: Place,
    pub(crate) results: Place,
}

impl Bed {
    /// One process on a SQLite file.
    pub(crate) fn sqlite() -> Self {
        let state = Place::new();
        let file = state.path().join("tasks.db");
        let settings = Settings::sqlite(&file);
        Self::new("SQLite", settings, Books::Sqlite(file), state, None, None)
    }

    /// Several processes. `None` if a program is missing.
    pub(crate) fn postgres(test: &str) -> Option<Self> {
        Some(Self::on_postgres("PostgreSQL", Database::start(test, &[])?, None))
    }

    /// Several processes with a broker between them. `None` if a program is missing.
    pub(crate) fn with_broker(test: &str, broker: Broker) -> Option<Self> {
        Some(Self::on_postgres(broker.name, Database::start(test, &[])?, Some(broker)))
    }

    fn on_postgres(engine: &'static str, database: Database, broker: Option<Broker>) -> Self {
        let url = broker.as_ref().map(|broker| broker.url.clone());
        let settings = url
            .into_iter()
            .fold(database.settings.clone(), |settings, url| settings.with("BROKER_URL", url));
        let books = Books::Postgres(database.server.url("postgres"));
        Self::new(engine, settings, books, Place::new(), Some(database), broker)
    }

    fn new(
        engine: &'static str,
        settings: Settings,
        books: Books,
        state: Place,
        database: Option<Database>,
        broker: Option<Broker>,
    ) -> Self {
        let (mails, results) = (MailServer::start(), Place::new());
        let settings = settings
            .with("STATE_DIR", state.path().display().to_string())
            .with("STORAGE_URL", format!("file:{}", results.path().join("results").display()))
            .with("SMTP_URL", format!("smtp://{}", mails.address))
            .with("MAIL_TO_ALLOWED", "example.com")
            .with("MAIL_DAILY_LIMIT", "1000000000:1000000000")
            .with("RATE_LIMIT_PRESET", "generous")
            .with("JOB_LEASE", format!("{}s", LEASE.as_secs()))
            // Jobs that run are handed back after two seconds.
            .with("DRAIN_TIMEOUT", "4s");
        let mut bed = Self {
            engine,
            workers: Vec::new(),
            servers: Vec::new(),
            broker,
            address: Arc::default(),
            books,
            mails,
            clock: None,
            settings,
            stale: 0,
            started: 0,
            database,
            state,
            results,
        };
        bed.complete();
        bed
    }

    pub(crate) fn is_postgres(&self) -> bool {
        self.database.is_some()
    }

    /// Starts the missing processes.
    pub(crate) fn complete(&mut self) {
        let (servers, workers) = match (self.is_postgres(), &self.broker) {
            (false, _) => (0, 1),
            (true, None) => PROCESSES,
            (true, Some(_)) => PROCESSES_WITH_BROKER,
        };
        while self.servers.len() < servers {
            self.servers.push(self.start("server", "0"));
            let addresses = self.servers.iter().map(|server| server.address);
            *self.address.write().unwrap() = addresses.collect();
        }
        while self.workers.len() < workers {
            self.start_worker();
        }
    }

    fn start_worker(&mut self) {
        self.started += 1;
        let name = format!("worker{}", self.started);
        let service = self.start(&name, SLOTS);
        if !self.is_postgres() {
            *self.address.write().unwrap() = vec![service.address];
        }
        self.workers.push(Worker { name, service });
    }

    /// A process that serves, or one of PostgreSQL that only runs jobs.
    fn start(&self, name: &str, workers: &str) -> Service {
        let settings = self.settings.clone().with("WORKERS", workers);
        let settings = settings.with("MAIL_FROM", format!("{name}@localhost"));
        let settings = match &self.clock {
            Some(clock) => clock.settings(settings),
            None => settings,
        };
        if self.is_postgres() && workers != "0" {
            return Service::worker(&settings);
        }
        Service::start(TASKS, &settings)
    }

    /// Takes a worker away. Its name must be one of those that run.
    pub(crate) fn take(&mut self, name: &str) -> Service {
        let place = self.workers.iter().position(|worker| worker.name == name).unwrap();
        let service = self.workers.remove(place).service;
        self.stale += stale(&service);
        service
    }

    /// Kills a worker (SIGKILL), and starts another one.
    pub(crate) fn kill(&mut self, name: &str) {
        drop(self.take(name));
        self.complete();
    }

    /// Starts all processes again, without a warning.
    pub(crate) fn restart(&mut self, clock: Option<FakeClock>) {
        self.clock = clock;
        while let Some(name) = self.workers.first().map(|worker| worker.name.clone()) {
            drop(self.take(&name));
        }
        self.servers.clear();
        self.complete();
    }

    /// The stale results that all workers have dropped.
    pub(crate) fn stale(&self) -> u64 {
        self.stale + self.workers.iter().map(|worker| stale(&worker.service)).sum::<u64>()
    }

    /// A process that serves.
    pub(crate) fn server(&self) -> &Service {
        self.servers.first().unwrap_or_else(|| &self.workers[0].service)
    }

    /// Whether a server has logged this.
    pub(crate) fn has_logged(&self, text: &str) -> bool {
        self.servers.iter().any(|server| server.log().contains(text))
    }
}

fn stale(service: &Service) -> u64 {
    let metrics = service.metrics();
    // A family without a sample is not shown.
    assert!(metrics.contains("\ntasks_lease_losses_total "), "not the metrics of the workers");
    let samples = metrics.lines().filter(|line| line.starts_with("tasks_stale_results_total"));
    samples.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
}
