//! The settings of the service, checked together.

mod work;
mod workers;

pub use self::work::WorkSettings;
pub use self::workers::WorkerSettings;

use crate::access::{Policy, Registration};
use crate::broker::{self, InvalidBroker};
use crate::jobs::Rules;
use crate::mail::InvalidServer;
use crate::model::bucket::Preset;
use crate::model::task::Kind;
use crate::model::usage::Bounds;
use crate::store::{InvalidTarget, Migrations, Options, Target};
use clap::{ArgAction, Args, value_parser};
use std::env::VarError;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use thiserror::Error;

const DATABASE_URL: &str = "DATABASE_URL";
const BROKER_URL: &str = "BROKER_URL";
/// The name of the database in the state directory.
const FILE: &str = "tasks.db";
/// ECS sets it in each container.
const ECS: &str = "ECS_CONTAINER_METADATA_URI_V4";

/// The settings of the database, for every command.
///
/// `DATABASE_URL` has no flag, because it can contain a password and every user of the machine can read an argument list.
#[derive(Debug, Args)]
pub struct DatabaseSettings {
    /// Folder of the SQLite file if `DATABASE_URL` (environment only) is not set
    #[arg(long, env, default_value = "tasks-state", value_name = "FOLDER")]
    pub state_dir: PathBuf,

    /// Whether PostgreSQL is reached through PgBouncer in transaction mode
    #[arg(long, env, default_value = "false", action = ArgAction::Set, value_parser = value_parser!(bool), value_name = "BOOL")]
    pub database_pooler: bool,

    /// Connections to PostgreSQL, 1 to 1000
    #[arg(long, env, default_value_t = 10, value_parser = value_parser!(u32).range(1..=1000), value_name = "N")]
    pub database_connections: u32,

    /// Time limit for a statement of PostgreSQL in milliseconds, 100 to 60000
    #[arg(long, env, default_value_t = 2000, value_parser = value_parser!(u64).range(100..=60_000), value_name = "MS")]
    pub database_statement_timeout: u64,
}

/// The settings of `worker`: those of every process that runs jobs or creates them.
#[derive(Debug, Args)]
pub struct JobSettings {
    /// The database
    #[command(flatten)]
    pub database: DatabaseSettings,

    /// The workers
    #[command(flatten)]
    pub workers: WorkerSettings,

    /// The settings of what jobs use
    #[command(flatten)]
    pub work: WorkSettings,
}

/// The settings of `serve`.
#[derive(Debug, Args)]
pub struct Settings {
    /// Those of jobs
    #[command(flatten)]
    pub jobs: JobSettings,

    /// Whether strangers may register; required unless the database is SQLite and `LISTEN` is loopback, where it is open
    #[arg(long, env, value_enum)]
    pub registration: Option<Registration>,

    /// Registrations of one source address in a day, 1 to 10000
    #[arg(long, env, default_value_t = 20, value_parser = value_parser!(u16).range(1..=10_000), value_name = "N")]
    pub registrations_per_address: u16,

    /// Token bucket of each user
    #[arg(long, env, value_enum, default_value_t = Preset::Moderate)]
    pub rate_limit_preset: Preset,

    /// Tasks of each user, 1 to 10000000
    #[arg(long, env, default_value_t = 100_000, value_parser = value_parser!(i64).range(1..=10_000_000), value_name = "N")]
    pub max_tasks: i64,

    /// Waiting jobs of each user, 1 to 1000000
    #[arg(long, env, default_value_t = 10_000, value_parser = value_parser!(i64).range(1..=1_000_000), value_name = "N")]
    pub max_pending: i64,

    /// Bytes of payloads and results of each user, 2 MiB to 1 TiB
    #[arg(long, env, default_value_t = 256 << 20, value_parser = value_parser!(i64).range(2 << 20..=1 << 40), value_name = "BYTES")]
    pub max_bytes: i64,

    /// Passwords that are hashed at once, 1 to 64; the number of cores if it is not set. Each takes 19 MiB of memory
    #[arg(long, env, value_parser = value_parser!(u8).range(1..=64), value_name = "N")]
    pub hash_concurrency: Option<u8>,
}

/// An invalid combination of settings. No message contains a secret.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// The URL of the database is invalid.
    #[error("DATABASE_URL: {0}")]
    Database(#[from] InvalidTarget),
    /// Bytes that are not text.
    #[error("{0} is not text")]
    NotText(&'static str),
    /// The URL of the broker is invalid, or this build does not have it.
    #[error("BROKER_URL {0}")]
    Broker(#[from] InvalidBroker),
    /// The URL of the mail server is invalid.
    #[error("SMTP_URL {0}")]
    MailServer(InvalidServer),
    /// Another setting makes this one necessary.
    #[error("{0} is not set; {1}")]
    Missing(&'static str, &'static str),
    /// A folder of a setting cannot be used.
    #[error("{0}: {1}")]
    Folder(&'static str, io::Error),
    /// Strangers could register, or not, by accident.
    #[error(
        "REGISTRATION is not set; set it to open or closed. Only SQLite on a loopback LISTEN has a default"
    )]
    NoRegistration,
    /// A process without an API that runs no jobs.
    #[error("WORKERS is 0, but this process only runs jobs; set it to 1 or more")]
    NoWorkers,
    /// A worker whose database no other process can reach.
    #[error("DATABASE_URL is sqlite::memory:, which no other process can write jobs into")]
    NoCreator,
    /// The same type has two limits.
    #[error("WORKERS_PER_TYPE has {} twice; keep one", .0.as_str())]
    TwoLimits(Kind),
    /// The disk of a Fargate task ends with the task.
    #[error(
        "DATABASE_URL is {0}, but the disk of an ECS task is lost with the task; set DATABASE_URL to a PostgreSQL server"
    )]
    Fargate(Target),
}

impl DatabaseSettings {
    /// The database.
    pub fn target(&self) -> Result<Target, SettingsError> {
        match std::env::var(DATABASE_URL) {
            Ok(url) => Ok(Target::parse(&url)?),
            Err(VarError::NotPresent) => Ok(Target::SqliteFile(self.state_dir.join(FILE))),
            Err(VarError::NotUnicode(_)) => Err(SettingsError::NotText(DATABASE_URL)),
        }
    }

    /// How it is opened, without a lock, by a program with these migrations.
    #[must_use]
    pub fn options(&self, migrations: Migrations) -> Options {
        Options {
            lock: None,
            pooler: self.database_pooler,
            connections: self.database_connections,
            statement_timeout: Duration::from_millis(self.database_statement_timeout),
            outbox: false,
            migrations,
        }
    }
}

impl JobSettings {
    /// The broker. `None` if the database wakes the workers.
    pub fn broker(&self) -> Result<Option<broker::Target>, SettingsError> {
        match std::env::var(BROKER_URL) {
            Ok(url) => Ok(Some(broker::Target::parse(&url)?)),
            Err(VarError::NotPresent) => Ok(None),
            Err(VarError::NotUnicode(_)) => Err(SettingsError::NotText(BROKER_URL)),
        }
    }

    /// The database. Refuses one that would be lost, and settings that contradict each other.
    pub fn target(&self) -> Result<Target, SettingsError> {
        self.workers.check()?;
        let target = self.database.target()?;
        let is_kept = matches!(target, Target::Postgres(_)) || std::env::var_os(ECS).is_none();
        if is_kept { Ok(target) } else { Err(SettingsError::Fargate(target)) }
    }
}

impl Settings {
    /// The rules for users, on a machine that can or cannot isolate processes.
    pub fn policy(
        &self,
        target: &Target,
        listen: SocketAddr,
        can_isolate: bool,
    ) -> Result<Policy, SettingsError> {
        let local = !matches!(target, Target::Postgres(_)) && listen.ip().is_loopback();
        let registration = self.registration.or(local.then_some(Registration::Open));
        Ok(Policy {
            registration: registration.ok_or(SettingsError::NoRegistration)?,
            registrations_per_address: self.registrations_per_address.into(),
            bucket: self.rate_limit_preset,
            can_isolate,
            bounds: Bounds {
                tasks: self.max_tasks,
                pending: self.max_pending,
                bytes: self.max_bytes,
            },
            rules: Rules { recipients: self.jobs.work.recipients() },
        })
    }

    /// Passwords that are hashed at once.
    #[must_use]
    pub fn hash_concurrency(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        self.hash_concurrency.map_or_else(cores, usize::from)
    }
}
