//! SQLite: one file, one writer, and readers that do not wait for it.

mod lock;
mod writer;

#[expect(
    clippy::duplicate_mod,
    reason = "the SQL of both engines is compiled once for each engine"
)]
#[path = "../statements/mod.rs"]
mod statements;

pub use self::lock::Lock;
#[cfg(feature = "test-support")]
pub use self::statements::{list, polls};

use self::writer::Writer;
use super::signals::Signals;
use super::{BoxFuture, Migrations, Options, StoreError, migrations};
use sqlx::sqlite::{
    Sqlite as Engine, SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool,
    SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection as _};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// The time that a statement waits for another process, such as `tasks user create`. It is shorter than the deadline of a
/// request, 5 s.
const BUSY_TIMEOUT: Duration = Duration::from_secs(3);
/// The time between two attempts to open a file.
const RETRY: Duration = Duration::from_millis(20);
/// The time that a read waits for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
/// Readers. A read takes less than a millisecond, so more would only use memory.
const READERS: u32 = 4;

/// The function that finds a text in another one.
const CONTAINS: &str = "instr";
/// All workers are in this process.
const ANNOUNCE: Option<&str> = None;
/// The time in milliseconds since 1970.
const NOW: &str = "CAST(unixepoch('subsec') * 1000 AS INTEGER)";
/// The only writer needs no lock of a row.
const ROW_LOCK: &str = "";
/// See [`ROW_LOCK`].
const SKIP_LOCKED: &str = "";
/// The steps of SQLite's machine between two looks at the clock, about a millisecond.
const STEPS: i32 = 100_000;

/// A connection in a job.
struct Connection<'c> {
    inner: &'c mut SqliteConnection,
    /// Prepared statements are kept.
    persistent: bool,
    /// Changes of tasks are written into the outbox.
    outbox: bool,
}

impl<'c> Connection<'c> {
    fn new(inner: &'c mut SqliteConnection) -> Self {
        Self { inner, persistent: true, outbox: false }
    }
}

/// The database.
pub(super) struct Database {
    writer: Writer,
    /// `None` in memory: there, each connection would have a database of its own.
    readers: Option<SqlitePool>,
    /// The newest migration that this program needs.
    newest: i64,
    signals: Signals,
}

/// Opens a file and migrates it. Creates a missing file. The lock is kept until the last connection is closed.
pub(super) async fn open_file(path: &Path, options: Options) -> Result<Database, StoreError> {
    create(path).map_err(|error| file_failure(path, &error))?;
    let Options { lock, outbox, migrations, .. } = options;
    let options = settings().filename(path);
    let writer = options
        .clone()
        .busy_timeout(BUSY_TIMEOUT)
        .journal_mode(SqliteJournalMode::Wal)
        // Each commit waits until the WAL is on the disk. `NORMAL` would lose the last commits in a power failure.
        .synchronous(SqliteSynchronous::Full);
    let connection =
        connect_to_file(&writer, &migrations).await.map_err(|error| named(path, error))?;
    let writer = Writer::start(connection, lock, outbox);
    let readers = SqlitePoolOptions::new()
        .max_connections(READERS)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .connect_lazy_with(options.busy_timeout(BUSY_TIMEOUT).read_only(true));
    let (newest, signals) = (migrations.newest(), Signals::default());
    Ok(Database { writer, readers: Some(readers), newest, signals })
}

/// A database in memory, which ends with the process.
pub(super) async fn open_memory(options: &Options) -> Result<Database, StoreError> {
    let Options { outbox, migrations, .. } = options;
    let connection = connect(&settings().in_memory(true), migrations).await?;
    let writer = Writer::start(connection, None, *outbox);
    let (newest, signals) = (migrations.newest(), Signals::default());
    Ok(Database { writer, readers: None, newest, signals })
}

fn settings() -> SqliteConnectOptions {
    SqliteConnectOptions::new().foreign_keys(true).disable_statement_logging()
}

/// Connects to a file that another program may create at the same time. SQLite does not wait when it changes the mode of
/// the journal, so this function tries again.
async fn connect_to_file(
    options: &SqliteConnectOptions,
    migrations: &Migrations,
) -> Result<SqliteConnection, StoreError> {
    let deadline = Instant::now() + BUSY_TIMEOUT;
    loop {
        match connect(options, migrations).await {
            Err(StoreError::Away(_)) if Instant::now() < deadline => sleep(RETRY).await,
            done => return done,
        }
    }
}

/// Connects and migrates. The transaction makes another program wait that migrates the same file.
async fn connect(
    options: &SqliteConnectOptions,
    migrations: &Migrations,
) -> Result<SqliteConnection, StoreError> {
    let mut connection = options.connect().await.map_err(|error| failure(&error))?;
    let mut transaction =
        connection.begin_with("BEGIN IMMEDIATE").await.map_err(|error| failure(&error))?;
    migrations
        .sqlite()
        .run_direct(None, &mut *transaction, false)
        .await
        .map_err(|error| migrations::failure(&error, failure))?;
    transaction.commit().await.map_err(|error| failure(&error))?;
    Ok(connection)
}

impl Database {
    async fn read<T, F>(&self, job: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(Connection<'c>) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
    {
        let Some(readers) = &self.readers else {
            return self.writer.run(job).await;
        };
        let mut connection = readers.acquire().await.map_err(|error| failure(&error))?;
        job(Connection::new(&mut connection)).await
    }

    /// Like [`Self::read`], but SQLite stops after `limit`.
    async fn search<T, F>(&self, limit: Duration, job: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(Connection<'c>) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
    {
        self.read(move |connection| {
            Box::pin(async move {
                let deadline = Instant::now() + limit;
                interrupt_at(connection.inner, Some(deadline)).await?;
                let inner = &mut *connection.inner;
                let result = job(Connection::new(inner)).await;
                interrupt_at(connection.inner, None).await?;
                result
            })
        })
        .await
    }

    /// Runs one writing statement.
    async fn statement<T, F>(&self, job: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(Connection<'c>) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
    {
        self.writer.run(job).await
    }

    /// Runs several statements. An error undoes all of them.
    async fn transaction<T, F>(&self, job: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(Connection<'c>) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
    {
        self.writer.run(job).await
    }

    /// The writer ends last. The last connection writes the WAL back into the file and removes it.
    async fn shut_down(&self) {
        if let Some(readers) = &self.readers {
            readers.close().await;
        }
        self.writer.close().await;
    }
}

/// Makes SQLite stop a statement that still runs at a time.
async fn interrupt_at(
    connection: &mut SqliteConnection,
    deadline: Option<Instant>,
) -> Result<(), StoreError> {
    let mut handle = connection.lock_handle().await.map_err(|error| failure(&error))?;
    match deadline {
        Some(deadline) => handle.set_progress_handler(STEPS, move || Instant::now() < deadline),
        None => handle.remove_progress_handler(),
    }
    Ok(())
}

/// Creates a missing file for its owner only. SQLite gives the files `-wal` and `-shm` the same mode.
///
/// An existing file is not opened: if this process has the database open already, closing another descriptor of the
/// file would drop the locks of SQLite.
fn create(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let is_new = !folder.exists();
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        created => created?,
    };
    // The entry of a file is on the disk only when its folder is.
    File::open(folder)?.sync_all()?;
    if let Some(parent) = folder.parent().filter(|_| is_new) {
        File::open(if parent.as_os_str().is_empty() { Path::new(".") } else { parent })?
            .sync_all()?;
    }
    Ok(())
}

fn file_failure(path: &Path, error: &io::Error) -> StoreError {
    named(path, StoreError::Failed(error.to_string()))
}

/// Adds the path to an error.
fn named(path: &Path, error: StoreError) -> StoreError {
    let named = |text| format!("{} cannot be opened: {text}", path.display());
    match error {
        StoreError::Away(text) => StoreError::Away(named(text)),
        StoreError::Failed(text) => StoreError::Failed(named(text)),
        StoreError::TooSlow => error,
    }
}

/// The texts of SQLite contain names of columns, but no values.
fn failure(error: &sqlx::Error) -> StoreError {
    let text = error.to_string();
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    // The low byte of an extended code is the primary code.
    let code = code.and_then(|code| code.parse::<u32>().ok()).map(|code| code & 0xff);
    match (error, code) {
        // SQLITE_BUSY, SQLITE_LOCKED or SQLITE_FULL. They end without a change of the program.
        (sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed, _) | (_, Some(5 | 6 | 13)) => {
            StoreError::Away(text)
        }
        // SQLITE_INTERRUPT.
        (_, Some(9)) => StoreError::TooSlow,
        _ => StoreError::Failed(text),
    }
}
