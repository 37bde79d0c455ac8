//! The process: settings, the commands `migrate` and `user`, and what `serve` needs before it listens.

pub mod keys;
pub mod settings;
mod user;

use self::settings::{DatabaseSettings, Settings, SettingsError};
use self::user::UserCommand;
use crate::access::Access;
use crate::access::passwords::{Argon2id, Passwords};
use crate::api::Tasks;
use crate::jobs::resize_image::{Resizer, child};
use crate::jobs::{self, context::Tools};
use crate::store::{self, Lock, Migrations, StoreError, Target};
use crate::work::{Metrics, Workers};
use chassis::cli::ServeArgs;
use chassis::context::Context;
use chassis::derived::Derive;
use chassis::failure::Failure;
use chassis::{Program as ChassisProgram, Started};
use clap::Subcommand;
use std::env;
use std::process::ExitCode;
use std::sync::Arc;

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
    type Command = Command;

    const DERIVE: Option<Derive> = Some(jobs::document::derive);

    async fn start(
        self,
        settings: Settings,
        serve: &ServeArgs,
        context: &Context,
    ) -> Result<Started<Tasks>, Failure> {
        let target = settings.database.target()?;
        settings::refuse_on_fargate(&target)?;
        let resizer = Resizer::of_this_program();
        let can_isolate = resizer.is_available().await;
        let policy = settings.policy(&target, serve.listen, can_isolate)?;
        let (state, work) = (&settings.database.state_dir, &settings.work);
        let (results, mail) = (work.results(state)?, work.mail(state)?);
        let mut options = settings.database.options(self.migrations);
        let mut signing_keys = None;
        if let Target::SqliteFile(path) = &target {
            let lock = Lock::acquire(path, serve.drain_timeout).await;
            options.lock = Some(lock.map_err(|error| match error {
                StoreError::Away(text) => Failure::Setting(format!("DATABASE_URL: {text}")),
                other => unavailable(other),
            })?);
            if !keys::are_given() {
                signing_keys = Some(keys::load_or_make(path).map_err(Failure::Unavailable)?);
            }
        }
        let store = store::open(&target, options).await.map_err(unavailable)?;
        let hashing = Passwords::new(Arc::new(Argon2id), settings.hash_concurrency());
        let hashing = hashing.map_err(|error| Failure::Unavailable(format!("{error:?}")))?;
        let clock = context.clock();
        let tools = Tools { store: Arc::clone(&store), results, resizer, mail, clock };
        tracing::info!(
            database = %target,
            mail = ?tools.mail.way,
            registration = ?policy.registration,
            rate_limit_preset = ?policy.bucket,
            hash_concurrency = settings.hash_concurrency(),
            "store opened"
        );
        let tools = Arc::new(tools);
        let metrics = Metrics::default();
        context.register_metrics(|registry| metrics.register(registry));
        let access = Access::new(store, context.clock(), policy, hashing).counting(metrics.clone());
        let workers = settings
            .workers
            .policy(serve.drain_timeout, can_isolate)
            .map(|policy| Workers::new(name_of_process(), policy, Arc::clone(&tools), metrics));
        Ok(Started { service: Tasks::new(context, &tools, access, workers), signing_keys })
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
