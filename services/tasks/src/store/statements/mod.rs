//! The SQL of both engines.
//!
//! Each engine compiles these files once more as its own module, because the types of `sqlx` belong to one engine. The
//! parent module provides `Database`, `Connection`, `Engine` and `failure`.

mod claims;
mod deletion;
mod events;
mod keys;
mod lists;
mod mails;
mod outbox;
mod polls;
mod queue;
mod retention;
mod schema;
mod sessions;
mod task_rows;
mod tasks;
mod usage;
mod users;
mod work;

#[cfg(feature = "test-support")]
pub use self::lists::list;
#[cfg(feature = "test-support")]
pub use self::polls::polls;

use super::{Connection, Engine, failure};
use crate::model::timestamp::Timestamp;
use crate::model::user::{Role, User, UserId, Username};
use crate::store::StoreError;
use sqlx::query::{Query, QueryAs};
use sqlx::{Database as Sqlx, FromRow};
use uuid::Uuid;

type Arguments = <Engine as Sqlx>::Arguments;

/// The columns of a user: `id, username, role, created_at`.
type UserRow = (Uuid, String, String, i64);

impl Connection<'_> {
    /// Runs a statement that returns at most one row. It reads the whole response: outside of a transaction,
    /// PostgreSQL sends the row before it commits.
    async fn row<R>(
        &mut self,
        query: QueryAs<'_, Engine, R, Arguments>,
    ) -> Result<Option<R>, StoreError>
    where
        R: for<'r> FromRow<'r, <Engine as Sqlx>::Row> + Send + Unpin,
    {
        Ok(self.rows(query).await?.into_iter().next())
    }

    /// Runs a statement that returns rows.
    async fn rows<R>(
        &mut self,
        query: QueryAs<'_, Engine, R, Arguments>,
    ) -> Result<Vec<R>, StoreError>
    where
        R: for<'r> FromRow<'r, <Engine as Sqlx>::Row> + Send + Unpin,
    {
        let query = query.persistent(self.persistent);
        query.fetch_all(&mut *self.inner).await.map_err(|error| failure(&error))
    }

    /// Like [`Self::rows`], for a statement whose text is rarely the same.
    async fn rows_once<R>(
        &mut self,
        query: QueryAs<'_, Engine, R, Arguments>,
    ) -> Result<Vec<R>, StoreError>
    where
        R: for<'r> FromRow<'r, <Engine as Sqlx>::Row> + Send + Unpin,
    {
        let query = query.persistent(false);
        query.fetch_all(&mut *self.inner).await.map_err(|error| failure(&error))
    }

    /// Runs a statement. Returns the number of changed rows.
    async fn run(&mut self, query: Query<'_, Engine, Arguments>) -> Result<u64, StoreError> {
        let query = query.persistent(self.persistent);
        let result = query.execute(&mut *self.inner).await.map_err(|error| failure(&error))?;
        Ok(result.rows_affected())
    }
}

/// The user of a row.
fn user((id, username, role, created_at): UserRow) -> Result<User, StoreError> {
    Ok(User {
        id: UserId(id),
        username: Username::parse(&username).map_err(|_| damaged("users.username"))?,
        role: Role::parse(&role).ok_or_else(|| damaged("users.role"))?,
        created_at: Timestamp::from_millis(created_at),
    })
}

/// A value that this program cannot have written.
fn damaged(column: &str) -> StoreError {
    StoreError::Failed(format!("{column} contains an invalid value"))
}
