//! The command `tasks migrate`.
//!
//! It runs as its own role, with its own connection. It needs a connection without PgBouncer, because the lock that
//! keeps two migrations apart belongs to a session.

use super::failure;
use crate::store::{Migrations, StoreError, migrations};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection as _};
use std::time::Duration;

/// The time that a statement waits for a lock. While it waits, all later statements on the table wait behind it. It is
/// shorter than the time that a request waits for a lock or a connection, so no request fails.
const LOCK_TIMEOUT: &str = "500ms";
/// The number of attempts.
const ATTEMPTS: u32 = 30;
/// The time between two attempts, in which other statements can run.
const PAUSE: Duration = Duration::from_secs(1);

/// Applies the missing migrations. Tries again if a lock is not free.
pub(in crate::store) async fn migrate(
    target: &PgConnectOptions,
    migrations: &Migrations,
) -> Result<(), StoreError> {
    let target = target
        .clone()
        .application_name("tasks-migrate")
        .options([("lock_timeout", LOCK_TIMEOUT), ("statement_timeout", "0")]);
    for _ in 1..ATTEMPTS {
        match attempt(&target, migrations).await {
            Err(StoreError::Away(_)) => tokio::time::sleep(PAUSE).await,
            done => return done,
        }
    }
    attempt(&target, migrations).await
}

/// A new connection for each attempt: the end of a connection frees the lock of a failed migration.
async fn attempt(target: &PgConnectOptions, migrations: &Migrations) -> Result<(), StoreError> {
    let mut connection = target.connect().await.map_err(|error| failure(&error))?;
    let result = migrations.postgres().run_direct(None, &mut connection, false).await;
    // The result of the migration matters more than that of the close.
    drop(connection.close().await);
    result.map_err(|error| migrations::failure(&error, failure))
}
