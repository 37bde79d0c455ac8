//! The deletion of a user.
//!
//! It has small parts, because other requests wait for a long transaction, and a statement has a time limit. The last part
//! also takes what was created in the meantime: nobody can refer to the user any more.

use super::super::{Connection, Database, ROW_LOCK};
use super::damaged;
use super::events::record;
use crate::model::event::{Kind, Note};
use crate::model::task::{Status, TaskId};
use crate::model::timestamp::Timestamp;
use crate::model::user::UserId;
use crate::store::StoreError;
use crate::store::signals::LastNumbers;
use sqlx::{AssertSqlSafe, query, query_as};
use uuid::Uuid;

/// The most rows that one statement changes.
const PART: i64 = 1000;

/// `id, user, version, status` of a task: the user is the owner or the assignee.
type Row = (Uuid, Option<Uuid>, i64, String);

impl Database {
    /// Deletes a user with everything. `false` if there is none.
    pub(super) async fn delete(&self, user: UserId, now: Timestamp) -> Result<bool, StoreError> {
        loop {
            let part = self.transaction(move |mut connection| {
                Box::pin(async move { part(&mut connection, user, now).await })
            });
            match part.await? {
                None => break,
                Some(numbers) => self.signals.committed(numbers),
            }
        }
        let deleted = self.transaction(move |mut connection| {
            Box::pin(async move {
                let sql = AssertSqlSafe(format!("SELECT id FROM users WHERE id = $1{ROW_LOCK}"));
                connection.row(query_as::<_, (Uuid,)>(sql).bind(user.0)).await?;
                let mut numbers = Vec::new();
                while let Some(more) = part(&mut connection, user, now).await? {
                    numbers.extend(more);
                }
                let sql = "DELETE FROM users WHERE id = $1";
                Ok((connection.run(query(sql).bind(user.0)).await? == 1, numbers))
            })
        });
        let (deleted, numbers) = deleted.await?;
        self.signals.committed(numbers);
        Ok(deleted)
    }
}

/// A part of the tasks and events. `None` if nothing is left.
async fn part(
    connection: &mut Connection<'_>,
    user: UserId,
    now: Timestamp,
) -> Result<Option<LastNumbers>, StoreError> {
    let sql = AssertSqlSafe(format!(
        "UPDATE tasks SET assignee_id = NULL, version = version + 1, updated_at = $2 WHERE id IN \
        (SELECT id FROM tasks WHERE assignee_id = $1 AND user_id <> $1 ORDER BY id LIMIT $3{ROW_LOCK}) \
        RETURNING id, user_id, version, status"
    ));
    let unassign = query_as::<_, Row>(sql).bind(user.0).bind(now.as_millis()).bind(PART);
    let unassigned = connection.rows(unassign).await?;
    if !unassigned.is_empty() {
        return tell(connection, Kind::Task, unassigned).await.map(Some);
    }
    let sql = AssertSqlSafe(format!(
        "DELETE FROM tasks WHERE id IN (SELECT id FROM tasks WHERE user_id = $1 ORDER BY id LIMIT $2{ROW_LOCK}) \
        RETURNING id, CASE WHEN assignee_id <> $1 THEN assignee_id END, version, status"
    ));
    let delete = query_as::<_, Row>(sql).bind(user.0).bind(PART);
    let deleted = connection.rows(delete).await?;
    if !deleted.is_empty() {
        return tell(connection, Kind::Removed, deleted).await.map(Some);
    }
    let sql = "DELETE FROM events WHERE user_id = $1 AND number IN \
        (SELECT number FROM events WHERE user_id = $1 ORDER BY number LIMIT $2)";
    let forgotten = connection.run(query(sql).bind(user.0).bind(PART)).await?;
    Ok((forgotten > 0).then(Vec::new))
}

/// Stores the events of the other users.
async fn tell(
    connection: &mut Connection<'_>,
    kind: Kind,
    tasks: Vec<Row>,
) -> Result<LastNumbers, StoreError> {
    let mut notes = Vec::new();
    for (task, user, version, status) in tasks {
        let status = Status::parse(&status).ok_or_else(|| damaged("tasks.status"))?;
        let note = |user| Note { user: UserId(user), task: TaskId(task), version, status, kind };
        notes.extend(user.map(note));
    }
    record(connection, notes).await
}
