//! PostgreSQL, directly or through PgBouncer in transaction mode.
//!
//! `DATABASE_POOLER=true` is for PgBouncer. There, two transactions of one client can use two connections of the server.
//! `sqlx` sends a statement and its parameters in two steps. So in this mode each statement is unnamed and runs in a
//! transaction, which keeps both steps on one connection. PgBouncer rejects settings in the startup message, so each
//! transaction makes them.

mod announce;
mod listen;
mod migrate;

#[expect(
    clippy::duplicate_mod,
    reason = "the SQL of both engines is compiled once for each engine"
)]
#[path = "../statements/mod.rs"]
mod statements;

pub(super) use self::migrate::migrate;
#[cfg(feature = "test-support")]
pub use self::statements::{list, polls};

use super::signals::Signals;
use super::{BoxFuture, Options, StoreError};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions, Postgres as Engine};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection as _};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

/// The time that a request waits for a connection. With the default limit of a statement and [`GRACE`], it is shorter than
/// the deadline of a request, 5 s. So a caller gets a 503 that says when to try again, and not a 504.
const ACQUIRE_TIMEOUT: Duration = Duration::from_millis(1500);
/// The time after which the server ends a transaction whose client does nothing.
const IDLE_TRANSACTION_TIMEOUT: Duration = Duration::from_secs(10);
/// The time that this program waits longer than the server: for a server that does not answer at all.
const GRACE: Duration = Duration::from_secs(1);

/// Every statement reads few rows through an index, in the order of the index. So the planner must not prefer to read
/// everything when it expects few rows, and must not spend time on compiling.
#[cfg_attr(
    not(feature = "test-support"),
    expect(unreachable_pub, reason = "only tests use it elsewhere")
)]
pub const PLANNER: [(&str, &str); 3] =
    [("enable_seqscan", "off"), ("enable_bitmapscan", "off"), ("jit", "off")];

/// The function that finds a text in another one.
const CONTAINS: &str = "strpos";
/// Wakes the processes that listen on a channel, at the commit.
const ANNOUNCE: Option<&str> = Some("SELECT 1 FROM pg_notify($1, '')");
/// The time in milliseconds since 1970, also within a transaction.
const NOW: &str = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint";
/// Locks the rows of a query until the end of the transaction.
const ROW_LOCK: &str = " FOR UPDATE";
/// Locks the rows of the table `u`, and leaves out those that another transaction has locked.
const SKIP_LOCKED: &str = " FOR UPDATE OF u SKIP LOCKED";

/// The end of the error of a statement that took too long.
const TIMED_OUT: &str = "(SQLSTATE 57014)";

/// A connection in a job.
struct Connection<'c> {
    inner: &'c mut PgConnection,
    /// Prepared statements have names and are kept.
    persistent: bool,
    /// Changes of tasks are written into the outbox.
    outbox: bool,
}

/// The database.
pub(super) struct Database {
    pool: PgPool,
    /// Begins each transaction, and makes its settings in the mode for PgBouncer.
    begin: Arc<str>,
    pooler: bool,
    outbox: bool,
    /// The time limit of a job. The limits of the server apply to each statement.
    limit: Duration,
    /// The newest migration that this program needs.
    newest: i64,
    signals: Arc<Signals>,
    /// They exchange wake-ups with other processes.
    messengers: Vec<JoinHandle<()>>,
    /// The runtime of the connections. A job has another one, which ends before them.
    runtime: Handle,
}

/// Prepares the pool. The first statement connects.
pub(super) fn open(target: &PgConnectOptions, options: &Options) -> Database {
    let limits = [
        ("statement_timeout", options.statement_timeout),
        ("lock_timeout", options.statement_timeout / 2),
        ("idle_in_transaction_session_timeout", IDLE_TRANSACTION_TIMEOUT),
    ]
    .map(|(name, limit)| (name, limit.as_millis().to_string()));
    let settings = PLANNER.map(|(name, value)| (name, value.to_owned())).into_iter().chain(limits);
    let target = target.clone().application_name("tasks").disable_statement_logging();
    let (target, begin) = if options.pooler {
        let settings: Vec<_> =
            settings.map(|(name, value)| format!("SET LOCAL {name} = {value}")).collect();
        let target = target.extra_float_digits(None).statement_cache_capacity(0);
        (target, format!("BEGIN; {}", settings.join("; ")))
    } else {
        (target.options(settings), "BEGIN".to_owned())
    };
    let pool = PgPoolOptions::new()
        .max_connections(options.connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .connect_lazy_with(target);
    let limit = options.statement_timeout + GRACE;
    let newest = options.migrations.newest();
    let signals = Arc::<Signals>::default();
    let mut messengers = Vec::new();
    // The listener keeps a connection.
    if !options.pooler && options.connections > 1 {
        let listener = listen::listen(pool.clone(), Arc::clone(&signals));
        let announcer = announce::announce(pool.clone(), signals.news());
        messengers.extend([tokio::spawn(listener), tokio::spawn(announcer)]);
    }
    let (begin, pooler, runtime) = (begin.into(), options.pooler, Handle::current());
    let outbox = options.outbox;
    Database { pool, begin, pooler, outbox, limit, newest, signals, messengers, runtime }
}

impl Database {
    async fn read<T, F>(&self, job: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(Connection<'c>) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
    {
        self.run(self.pooler, job).await
    }

    /// Like [`Self::read`], but the server stops after `limit`.
    async fn search<T, F>(&self, limit: Duration, job: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(Connection<'c>) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
    {
        let set = AssertSqlSafe(format!("SET LOCAL statement_timeout = {}", limit.as_millis()));
        let searched = self.run(true, move |connection| {
            Box::pin(async move {
                let inner = &mut *connection.inner;
                sqlx::raw_sql(set).execute(&mut *inner).await.map_err(|error| failure(&error))?;
                match job(Connection { inner, ..connection }).await {
                    Err(StoreError::Away(text)) if text.ends_with(TIMED_OUT) => {
                        Err(StoreError::TooSlow)
                    }
                    result => result,
                }
            })
        });
        searched.await
    }

    /// Runs one writing statement. It is a transaction by itself.
    async fn statement<T, F>(&self, job: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(Connection<'c>) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
    {
        self.read(job).await
    }

    /// Runs several statements. An error undoes all of them.
    async fn transaction<T, F>(&self, job: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(Connection<'c>) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
    {
        self.run(true, job).await
    }

    /// A job that has begun ends also when its caller is gone, as on SQLite. Otherwise the pool would wait for the
    /// response of the server without a time limit.
    async fn run<T, F>(&self, in_transaction: bool, job: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(Connection<'c>) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
    {
        let pool = self.pool.clone();
        let begin = in_transaction.then(|| Arc::clone(&self.begin));
        let (persistent, outbox, limit) = (!self.pooler, self.outbox, self.limit);
        let bounded = async move {
            let mut pooled = pool.acquire().await.map_err(|error| failure(&error))?;
            let work = work(&mut pooled, persistent, outbox, begin, job);
            let Ok(result) = tokio::time::timeout(limit, work).await else {
                // The connection waits for a response, so the pool cannot use it again.
                pooled.close_on_drop();
                return Err(StoreError::Away("the server did not answer in time".into()));
            };
            result
        };
        self.runtime.spawn(bounded).await.map_err(|error| StoreError::Failed(error.to_string()))?
    }

    /// A server that does not answer must not keep the process from its end.
    async fn shut_down(&self) {
        self.messengers.iter().for_each(JoinHandle::abort);
        drop(tokio::time::timeout(self.limit, self.pool.close()).await);
    }
}

/// Runs a job, in a transaction if there is a statement that begins it.
async fn work<T, F>(
    connection: &mut PgConnection,
    persistent: bool,
    outbox: bool,
    begin: Option<Arc<str>>,
    job: F,
) -> Result<T, StoreError>
where
    F: for<'c> FnOnce(Connection<'c>) -> BoxFuture<'c, Result<T, StoreError>>,
{
    let Some(begin) = begin else {
        return job(Connection { inner: connection, persistent, outbox }).await;
    };
    let begin = AssertSqlSafe(begin);
    let mut transaction = connection.begin_with(begin).await.map_err(|error| failure(&error))?;
    // An error drops the transaction, which undoes it.
    let result = job(Connection { inner: &mut transaction, persistent, outbox }).await?;
    transaction.commit().await.map_err(|error| failure(&error))?;
    Ok(result)
}

/// Neither text contains a value of a statement or the password.
fn failure(error: &sqlx::Error) -> StoreError {
    let Some(refused) = error.as_database_error() else {
        return match error {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed => StoreError::Away(error.to_string()),
            _ => StoreError::Failed(error.to_string()),
        };
    };
    let code = refused.code().unwrap_or_default();
    // Class 22 is invalid data. Its texts quote the data.
    let text = if code.starts_with("22") { "invalid data" } else { refused.message() };
    let text = format!("{text} (SQLSTATE {code})");
    if is_temporary(&code) { StoreError::Away(text) } else { StoreError::Failed(text) }
}

/// SQLSTATE, <https://www.postgresql.org/docs/15/errcodes-appendix.html>.
fn is_temporary(code: &str) -> bool {
    // Class 08 is a failed connection. PgBouncer uses it for all of its own errors. Class 53 is a lack of disk, memory or
    // connections.
    code.starts_with("08")
        || code.starts_with("53")
        || matches!(
            code,
            // Serialization failure and deadlock: another transaction was first.
            "40001" | "40P01"
            // Lock timeout.
            | "55P03"
            // Statement timeout, or canceled by an administrator.
            | "57014"
            // The server stops, has crashed, or starts.
            | "57P01" | "57P02" | "57P03"
            // Idle in a transaction for too long.
            | "25P03"
        )
}
