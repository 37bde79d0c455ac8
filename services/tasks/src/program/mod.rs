//! The process: settings, the commands `migrate` and `user`, and what `serve` and `worker` need before they listen.

pub mod keys;
pub mod settings;
mod user;

use self::settings::{DatabaseSettings, JobSettings, Settings, SettingsError};
use self::user::UserCommand;
use crate::access::Access;
use crate::access::passwords::{Argon2id, Passwords};
use crate::api::Tasks;
use crate::background::Background;
use crate::broker;
use crate::jobs::resize_image::{Resizer, child};
use crate::jobs::{self, context::Tools};
use crate::store::{self, Lock, Migrations, StoreError, Target};
use crate::work::{Line, Metrics, Workers};
use chassis::cli::{ProcessArgs, ServeArgs};
use chassis::context::Context;
use chassis::derived::Derive;
use chassis::failure::Failure;
use chassis::{Program as ChassisProgram, Started};
use clap::Subcommand;
use std::env;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// The program `tasks`.
#[derive(Debug, Default)]
pub struct Program {
    /// The schema that it needs.
    pub migrations: Migrations,
}

/// Runs the process, from the command line to the exit code.
#[must_use]
pub fn run(program: Program) -> ExitCode {
    // Not a command of the chassis: the process that resizes an image has one thread, no log and no settings.
    if env::args_os().nth(1).is_some_and(|command| command == child::COMMAND) {
        return child::main();
    }
    chassis::run_program(program)
}

/// The commands in addition to those of the chassis.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Applies the missing migrations to the database. SQLite is also migrated at each start
    Migrate(DatabaseSettings),
    /// Creates users and changes their roles
    #[command(subcommand)]
    User(UserCommand),
}

impl ChassisProgram for Program {
    type Service = Tasks;
    type Settings = Settings;
    type Worker = Background;
    type WorkerSettings = JobSettings;
    type Command = Command;

    const DERIVE: Option<Derive> = Some(jobs::document::derive);

    async fn start(
        self,
        settings: Settings,
        serve: &ServeArgs,
        context: &Context,
    ) -> Result<Started<Tasks>, Failure> {
        let target = settings.jobs.target()?;
        let machine = Machine::here().await;
        let policy = settings.policy(&target, serve.listen, machine.can_isolate)?;
        let hashing = Passwords::new(Arc::new(Argon2id), settings.hash_concurrency());
        let hashing = hashing.map_err(|error| Failure::Unavailable(format!("{error:?}")))?;
        let drain = serve.process.drain_timeout;
        let opened = self.open(&settings.jobs, &target, machine, drain, context).await?;
        tracing::info!(
            registration = ?policy.registration,
            rate_limit_preset = ?policy.bucket,
            hash_concurrency = settings.hash_concurrency(),
            "rules for users"
        );
        let signing_keys = match &target {
            Target::SqliteFile(path) if !keys::are_given() => {
                Some(keys::load_or_make(path).map_err(Failure::Unavailable)?)
            }
            _ => None,
        };
        let Opened { tools, metrics, workers, line } = opened;
        let store = Arc::clone(&tools.store);
        let access = Access::new(store, context.clock(), policy, hashing).counting(metrics);
        let background = Background::new(context, &tools, workers, line);
        Ok(Started { service: Tasks::new(context, &tools, access, background), signing_keys })
    }

    async fn start_worker(
        self,
        settings: JobSettings,
        process: &ProcessArgs,
        context: &Context,
    ) -> Result<Background, Failure> {
        let (target, machine) = (settings.target()?, Machine::here().await);
        if settings.workers.workers == 0 {
            return Err(SettingsError::NoWorkers.into());
        }
        if matches!(target, Target::SqliteMemory) {
            return Err(SettingsError::NoCreator.into());
        }
        let drain = process.drain_timeout;
        let opened = self.open(&settings, &target, machine, drain, context).await?;
        Ok(Background::new(context, &opened.tools, opened.workers, opened.line))
    }

    async fn execute(self, command: Command) -> Result<(), Failure> {
        match command {
            Command::Migrate(database) => {
                let target = database.target()?;
                self.migrations.apply(&target).await.map_err(unavailable)?;
                println!("{target} is migrated");
                Ok(())
            }
            Command::User(command) => user::run(command, self.migrations).await,
        }
    }
}

/// The abilities of the machine.
struct Machine {
    resizer: Resizer,
    can_isolate: bool,
}

impl Machine {
    async fn here() -> Self {
        let resizer = Resizer::of_this_program();
        let can_isolate = resizer.is_available().await;
        Self { resizer, can_isolate }
    }
}

/// The means of a process for jobs.
struct Opened {
    tools: Arc<Tools>,
    metrics: Metrics,
    workers: Option<Workers>,
    line: Option<Line>,
}

impl Program {
    /// Opens the database, the storage and the way of mails, and makes the workers.
    async fn open(
        self,
        settings: &JobSettings,
        target: &Target,
        machine: Machine,
        drain: Duration,
        context: &Context,
    ) -> Result<Opened, Failure> {
        let (state, work) = (&settings.database.state_dir, &settings.work);
        let (results, mail) = (work.results(state)?, work.mail(state)?);
        let broker = settings.broker()?;
        let mut options = settings.database.options(self.migrations);
        options.outbox = broker.is_some();
        if let Target::SqliteFile(path) = target {
            let lock = Lock::acquire(path, drain).await;
            options.lock = Some(lock.map_err(|error| match error {
                StoreError::Away(text) => Failure::Setting(format!("DATABASE_URL: {text}")),
                other => unavailable(other),
            })?);
        }
        let store = store::open(target, options).await.map_err(unavailable)?;
        let shown = broker.as_ref().map(tracing::field::display);
        tracing::info!(database = %target, broker = shown, mail = ?mail.way, "store opened");
        let line = broker.map(|target| Line {
            broker: broker::open(&target, settings.workers.workers.into()),
            condition: context.condition("broker"),
        });
        let Machine { resizer, can_isolate } = machine;
        let tools = Arc::new(Tools { store, results, resizer, mail, clock: context.clock() });
        let metrics = Metrics::default();
        context.register_metrics(|registry| metrics.register(registry));
        let policy = settings.workers.policy(drain, can_isolate);
        if policy.is_some() {
            context.register_metrics(|registry| metrics.register_work(registry));
        }
        let workers = policy.map(|policy| {
            let (name, tools) = (name_of_process(), Arc::clone(&tools));
            Workers::new(name, policy, tools, metrics.clone(), line.clone())
        });
        Ok(Opened { tools, metrics, workers, line })
    }
}

impl From<SettingsError> for Failure {
    fn from(error: SettingsError) -> Self {
        Self::Setting(error.to_string())
    }
}

#[expect(clippy::needless_pass_by_value, reason = "map_err passes the value")]
fn unavailable(error: StoreError) -> Failure {
    Failure::Unavailable(error.to_string())
}

/// A name that no other process has, now or later. It shows the machine and the process.
fn name_of_process() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{}-{}-{}", host.trim(), std::process::id(), uuid::Uuid::now_v7().simple())
}
