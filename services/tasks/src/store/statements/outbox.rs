//! The statements of the outbox.

use super::super::{Connection, Database, SKIP_LOCKED};
use super::claims::now;
use crate::model::hint::Hint;
use crate::model::task::{Task, TaskId};
use crate::model::timestamp::Timestamp;
use crate::model::user::UserId;
use crate::store::StoreError;
use crate::store::outbox::{Outbox, Stored};
use async_trait::async_trait;
use sqlx::{AssertSqlSafe, QueryBuilder, query, query_as};
use std::time::Duration;
use uuid::Uuid;

#[async_trait]
impl Outbox for Database {
    async fn take(&self, most: u32, lease: Duration) -> Result<Vec<Stored>, StoreError> {
        self.transaction(move |mut connection| {
            Box::pin(async move {
                let now = now(&mut connection).await?;
                let sql = AssertSqlSafe(format!(
                    "UPDATE outbox SET taken_until = $1 WHERE id IN (SELECT u.id FROM outbox u \
                    WHERE u.due_at <= $2 AND u.taken_until <= $2 ORDER BY u.due_at, u.id LIMIT $3{SKIP_LOCKED}) \
                    RETURNING id, task_id, user_id"
                ));
                let rows = query_as::<_, (i64, Uuid, Uuid)>(sql)
                    .bind(now.after(lease).as_millis())
                    .bind(now.as_millis())
                    .bind(i64::from(most));
                let rows = connection.rows(rows).await?.into_iter();
                let stored = |(id, task, user)| Stored {
                    id,
                    hint: Hint { task: TaskId(task), user: UserId(user) },
                };
                Ok(rows.map(stored).collect())
            })
        })
        .await
    }

    async fn remove(&self, ids: Vec<i64>) -> Result<(), StoreError> {
        if ids.is_empty() {
            return Ok(());
        }
        self.statement(move |mut connection| {
            Box::pin(async move {
                let mut sql = QueryBuilder::new("DELETE FROM outbox WHERE id IN (");
                let mut list = sql.separated(", ");
                for id in ids {
                    list.push_bind(id);
                }
                sql.push(")");
                connection.run(sql.build()).await?;
                Ok(())
            })
        })
        .await
    }
}

/// Stores the message of a job that a worker may claim, at its time.
pub(super) async fn store(connection: &mut Connection<'_>, task: &Task) -> Result<(), StoreError> {
    if connection.outbox && task.is_pending_job() {
        let sql = "INSERT INTO outbox (task_id, user_id, due_at) VALUES ($1, $2, $3)";
        let insert = query(sql)
            .bind(task.summary.id.0)
            .bind(task.summary.user_id.0)
            .bind(task.summary.run_at.map_or(0, Timestamp::as_millis));
        connection.run(insert).await?;
    }
    Ok(())
}
