//! The only writing connection, with group commit.
//!
//! A commit waits for the disk, and only one transaction can write at a time. So the writer takes all waiting jobs,
//! runs them in one transaction, and answers them after its commit. Many callers then share one `fsync`. A single
//! caller does not wait for others.
//!
//! Each job has a savepoint, so that an error undoes only its own changes. A failed commit fails all jobs of the
//! transaction. An error that makes SQLite end the transaction early, such as a full disk, has the same effect, because
//! the savepoint is gone then.

use super::{Connection, Lock, failure};
use crate::store::{BoxFuture, StoreError};
use sqlx::Connection as _;
use sqlx::sqlite::SqliteConnection;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

/// The most jobs of one commit. It bounds the time until the first of them is answered.
const BATCH: usize = 256;
/// The most waiting jobs.
const QUEUE: usize = 1024;
/// The time that a job waits for a place in the queue.
const QUEUE_TIMEOUT: Duration = Duration::from_secs(1);

/// A job with the type of its result removed.
trait Job: Send {
    /// Whether the caller no longer waits.
    fn is_abandoned(&self) -> bool;
    /// Runs the statements. `false` if they failed.
    fn run<'c>(&'c mut self, connection: Connection<'c>) -> BoxFuture<'c, bool>;
    /// Answers the caller.
    fn answer(self: Box<Self>, committed: &Result<(), StoreError>);
}

struct Pending<T, F> {
    work: Option<F>,
    result: Option<Result<T, StoreError>>,
    caller: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Job for Pending<T, F>
where
    T: Send + 'static,
    F: for<'c> FnOnce(Connection<'c>) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
{
    fn is_abandoned(&self) -> bool {
        self.caller.is_closed()
    }

    fn run<'c>(&'c mut self, connection: Connection<'c>) -> BoxFuture<'c, bool> {
        Box::pin(async move {
            let Some(work) = self.work.take() else { return false };
            self.result = Some(work(connection).await);
            matches!(self.result, Some(Ok(_)))
        })
    }

    fn answer(self: Box<Self>, committed: &Result<(), StoreError>) {
        let result = match (committed, self.result) {
            (Err(error), _) => Err(error.clone()),
            (Ok(()), Some(result)) => result,
            (Ok(()), None) => return,
        };
        // A caller that no longer waits needs no answer.
        drop(self.caller.send(result));
    }
}

type Queue = mpsc::Sender<Box<dyn Job>>;

/// The queue of the writer, and its task. `None` after [`Writer::close`].
pub(super) struct Writer(Mutex<Option<(Queue, JoinHandle<()>)>>);

impl Writer {
    /// Starts the task. It owns the connection, and the lock until the connection is closed.
    pub(super) fn start(
        mut connection: SqliteConnection,
        lock: Option<Lock>,
        outbox: bool,
    ) -> Self {
        let (queue, mut waiting) = mpsc::channel(QUEUE);
        let task = tokio::spawn(async move {
            let mut jobs = Vec::with_capacity(BATCH);
            while waiting.recv_many(&mut jobs, BATCH).await > 0 {
                let committed = commit(&mut connection, &mut jobs, outbox).await;
                for job in jobs.drain(..) {
                    job.answer(&committed);
                }
            }
            // An error leaves the WAL, which the next process reads.
            drop(connection.close().await);
            drop(lock);
        });
        Self(Mutex::new(Some((queue, task))))
    }

    /// Runs a job, and waits until its changes are on the disk.
    pub(super) async fn run<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(Connection<'c>) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
    {
        let (caller, answer) = oneshot::channel();
        let job = Box::new(Pending { work: Some(work), result: None, caller });
        let closed = || StoreError::Away("the store is closed".into());
        let queue = {
            let open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            open.as_ref().map(|(queue, _)| queue.clone()).ok_or_else(closed)?
        };
        queue
            .send_timeout(job, QUEUE_TIMEOUT)
            .await
            .map_err(|_| StoreError::Away(format!("{QUEUE} writes are waiting")))?;
        // The clone would keep the task alive after `close`.
        drop(queue);
        answer.await.map_err(|_| closed())?
    }

    /// Runs all waiting jobs and ends the task.
    pub(super) async fn close(&self) {
        let open = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((queue, task)) = open {
            drop(queue);
            // A panic of the task was reported when it occurred.
            drop(task.await);
        }
    }
}

/// Runs all jobs in one transaction.
async fn commit(
    connection: &mut SqliteConnection,
    jobs: &mut [Box<dyn Job>],
    outbox: bool,
) -> Result<(), StoreError> {
    let committed = try_commit(connection, jobs, outbox).await;
    if committed.is_err() {
        // It fails if SQLite has ended the transaction by itself.
        drop(execute(connection, "ROLLBACK").await);
    }
    committed
}

/// Uses statements instead of the transactions of `sqlx`, which count the open ones: when SQLite ends a transaction by
/// itself, this count would stay wrong, and no later transaction could begin.
async fn try_commit(
    connection: &mut SqliteConnection,
    jobs: &mut [Box<dyn Job>],
    outbox: bool,
) -> Result<(), StoreError> {
    execute(connection, "BEGIN IMMEDIATE").await?;
    for job in jobs.iter_mut().filter(|job| !job.is_abandoned()) {
        execute(connection, "SAVEPOINT job").await?;
        if !job.run(Connection { outbox, ..Connection::new(connection) }).await {
            execute(connection, "ROLLBACK TO job").await?;
        }
        execute(connection, "RELEASE job").await?;
    }
    execute(connection, "COMMIT").await
}

async fn execute(connection: &mut SqliteConnection, sql: &'static str) -> Result<(), StoreError> {
    sqlx::query(sql).execute(connection).await.map_err(|error| failure(&error))?;
    Ok(())
}
