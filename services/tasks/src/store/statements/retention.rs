//! The statements of removals.

use super::super::{Connection, Database};
use super::events::record;
use super::tasks::{find, update};
use super::usage::{apply, lock};
use super::work::announce;
use crate::model::event::{Note, notes};
use crate::model::task::{Task, TaskId};
use crate::model::timestamp::Timestamp;
use crate::model::usage::Usage;
use crate::model::user::UserId;
use crate::store::StoreError;
use crate::store::retention::{Removed, Retention};
use async_trait::async_trait;
use sqlx::{QueryBuilder, query, query_as};
use uuid::Uuid;

/// The most tasks that one transaction changes.
pub(super) const PART: i64 = 100;

/// The tasks that a statement selects: id and owner.
pub(super) type Selected = Vec<(Uuid, Uuid)>;

#[async_trait]
impl Retention for Database {
    async fn remove_results(&self, before: Timestamp) -> Result<Removed, StoreError> {
        let removed = self.transaction(move |mut connection| {
            Box::pin(async move {
                let sql = "SELECT id, user_id FROM tasks WHERE result_key IS NOT NULL AND finished_at < $1 \
                    ORDER BY finished_at LIMIT $2";
                let rows = query_as::<_, (Uuid, Uuid)>(sql).bind(before.as_millis()).bind(PART);
                let selected = connection.rows(rows).await?;
                let (mut removed, mut changes) = (Removed::default(), Vec::new());
                for from in locked(&mut connection, selected).await? {
                    let mut to = from.clone();
                    removed.files.extend(to.remove_result(before));
                    removed.rows += u64::from(replace(&mut connection, &from, &to, &mut changes).await?);
                }
                Ok((removed, record(&mut connection, changes).await?))
            })
        });
        let (removed, numbers) = removed.await?;
        self.signals.committed(numbers);
        Ok(removed)
    }

    async fn remove_jobs(&self, before: Timestamp) -> Result<Removed, StoreError> {
        let removed = self.transaction(move |mut connection| {
            Box::pin(async move {
                let sql = "SELECT id, user_id FROM tasks WHERE finished_at IS NOT NULL AND type <> 'manual' \
                    AND finished_at < $1 ORDER BY finished_at LIMIT $2";
                let rows = query_as::<_, (Uuid, Uuid)>(sql).bind(before.as_millis()).bind(PART);
                let selected = connection.rows(rows).await?;
                let (mut removed, mut changes) = (Removed::default(), Vec::new());
                for task in locked(&mut connection, selected).await? {
                    let delete = query("DELETE FROM tasks WHERE id = $1 AND version = $2")
                        .bind(task.summary.id.0)
                        .bind(task.summary.version);
                    if connection.run(delete).await? == 1 {
                        let change = Usage::change(Some(&task), None);
                        apply(&mut connection, task.summary.user_id, change).await?;
                        removed.files.extend(task.runs.result.map(|file| file.key));
                        changes.extend(notes(Some(&task.summary), None));
                        removed.rows += 1;
                    }
                }
                Ok((removed, record(&mut connection, changes).await?))
            })
        });
        let (removed, numbers) = removed.await?;
        self.signals.committed(numbers);
        Ok(removed)
    }

    async fn remove_keys(&self, before: Timestamp) -> Result<Removed, StoreError> {
        self.transaction(move |mut connection| {
            Box::pin(async move {
                let sql = "DELETE FROM idempotency_keys WHERE created_at < $1";
                let rows = connection.run(query(sql).bind(before.as_millis())).await?;
                Ok(Removed { rows, files: Vec::new() })
            })
        })
        .await
    }

    async fn orphans(&self, keys: Vec<String>) -> Result<Vec<String>, StoreError> {
        if keys.is_empty() {
            return Ok(keys);
        }
        self.read(move |mut connection| {
            Box::pin(async move {
                let mut sql =
                    QueryBuilder::new("SELECT result_key FROM tasks WHERE result_key IN (");
                let mut list = sql.separated(", ");
                for key in &keys {
                    list.push_bind(key.clone());
                }
                sql.push(")");
                let used = connection.rows(sql.build_query_as::<(String,)>()).await?;
                let is_used = |key: &String| used.iter().any(|(used,)| used == key);
                Ok(keys.into_iter().filter(|key| !is_used(key)).collect())
            })
        })
        .await
    }
}

/// Locks the usage of the owners in one order, and reads the tasks.
pub(super) async fn locked(
    connection: &mut Connection<'_>,
    selected: Selected,
) -> Result<Vec<Task>, StoreError> {
    let mut owners: Vec<_> = selected.iter().map(|(_, owner)| UserId(*owner)).collect();
    owners.sort_unstable();
    owners.dedup();
    for owner in owners {
        lock(connection, owner).await?;
    }
    let mut tasks = Vec::new();
    for (id, _) in selected {
        tasks.extend(find(connection, TaskId(id)).await?);
    }
    Ok(tasks)
}

/// Stores a changed task whose owner's usage is locked, and adds its events. `false` if it was changed in the meantime.
pub(super) async fn replace(
    connection: &mut Connection<'_>,
    from: &Task,
    to: &Task,
    changes: &mut Vec<Note>,
) -> Result<bool, StoreError> {
    if !update(connection, from, to).await? {
        return Ok(false);
    }
    apply(connection, to.summary.user_id, Usage::change(Some(from), Some(to))).await?;
    announce(connection, to).await?;
    changes.extend(notes(Some(&from.summary), Some(&to.summary)));
    Ok(true)
}
