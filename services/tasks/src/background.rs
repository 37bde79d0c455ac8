//! The part of a process that answers no requests: it waits for the database, checks it, sends messages, and runs jobs.
//!
//! `serve` has it behind the API. `worker` has nothing else.

use crate::jobs::context::Tools;
use crate::store::{Store, StoreError};
use crate::work::publisher::publish_all;
use crate::work::{Line, Workers};
use chassis::Worker;
use chassis::context::Context;
use chassis::failure::Failure;
use chassis::readiness::Condition;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

/// The pause between two checks of the database.
const CHECK_EVERY: Duration = Duration::from_secs(2);
/// The time that the process stays ready without its database.
const PATIENCE: Duration = Duration::from_secs(30);

/// The database of a process, and its workers.
#[derive(Debug)]
pub struct Background {
    store: Arc<dyn Store>,
    /// `None` if other processes run the jobs.
    workers: Option<Workers>,
    database: Condition,
    /// `None` if the database wakes the workers.
    line: Option<Line>,
}

impl Background {
    /// It begins with [`Worker::prepare`].
    #[must_use]
    pub fn new(
        context: &Context,
        tools: &Tools,
        workers: Option<Workers>,
        line: Option<Line>,
    ) -> Self {
        let database = context.requirement("database", PATIENCE);
        Self { store: Arc::clone(&tools.store), workers, database, line }
    }

    /// No more jobs begin. Those that run go on.
    pub fn drain(&self) {
        if let Some(workers) = &self.workers {
            workers.drain();
        }
    }
}

impl Worker for Background {
    /// Waits until the database answers with a schema that this program knows.
    async fn prepare(&self) -> Result<(), Failure> {
        loop {
            match self.store.check().await {
                Ok(()) => break,
                Err(error @ StoreError::Away(_)) => {
                    tracing::warn!(cause = %error, "database is away");
                }
                Err(error) => return Err(Failure::Unavailable(error.to_string())),
            }
            sleep(CHECK_EVERY).await;
        }
        self.database.note(true);
        if let Some(line) = &self.line {
            tokio::spawn(publish_all(Arc::clone(&self.store), line.clone()));
        }
        if let Some(workers) = &self.workers {
            workers.start();
        }
        let (store, database) = (Arc::clone(&self.store), self.database.clone());
        tokio::spawn(async move {
            loop {
                sleep(CHECK_EVERY).await;
                database.note(store.check().await.is_ok());
            }
        });
        Ok(())
    }

    async fn close(&self) {
        if let Some(workers) = &self.workers {
            workers.stop().await;
        }
        if let Some(line) = &self.line {
            line.broker.close().await;
        }
        self.store.close().await;
    }
}
