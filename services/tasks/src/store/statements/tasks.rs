//! Statements about tasks.
//!
//! Locks are taken in one order: usage of the owner, idempotency key, task, run, and the counters
//! of events. So the creations of one user run one after
//! another. The usage is changed first, and changed back if nothing else changes.

use super::super::{Connection, Database};
use super::damaged;
use super::events::record;
use super::keys::{refusal, remember};
use super::task_rows::{TaskRow, run_columns, summary_columns};
use super::usage::{give_back, use_more};
use super::work::{announce, signal};
use crate::model::event::notes;
use crate::model::idempotency::Claim;
use crate::model::listing::{Listed, Query as List, searchable};
use crate::model::task::{Task, TaskId};
use crate::model::timestamp::Timestamp;
use crate::model::usage::{Bounds, Usage};
use crate::model::user::UserId;
use crate::store::{BoxFuture, Change, Creation, StoreError, Tasks};
use async_trait::async_trait;
use sqlx::{query, query_as};
use std::time::Duration;
use uuid::Uuid;

#[async_trait]
impl Tasks for Database {
    async fn create_task(
        &self,
        task: Task,
        claim: Option<Claim>,
        bounds: Bounds,
    ) -> Result<Creation, StoreError> {
        let woken = signal(&task);
        let created = self.transaction(move |mut connection| {
            Box::pin(async move {
                let owner = task.summary.user_id;
                let change = Usage::change(None, Some(&task));
                let exceeded = use_more(&mut connection, owner, change, bounds).await?;
                let refused = refusal(&mut connection, &task, claim.as_ref(), exceeded).await?;
                if let Some(refused) = refused {
                    if exceeded.is_none() {
                        give_back(&mut connection, owner, change).await?;
                    }
                    return Ok((refused, Vec::new()));
                }
                if let Some(claim) = &claim {
                    remember(&mut connection, &task, claim).await?;
                }
                insert(&mut connection, &task).await?;
                announce(&mut connection, &task).await?;
                let numbers = record(&mut connection, notes(None, Some(&task.summary))).await?;
                Ok((Creation::Created, numbers))
            })
        });
        let (created, numbers) = created.await?;
        self.signals.committed(numbers);
        if let (Creation::Created, Some(signal)) = (&created, woken) {
            self.signals.send(signal);
        }
        Ok(created)
    }

    async fn task(&self, id: TaskId) -> Result<Option<Task>, StoreError> {
        self.read(move |mut connection| Box::pin(async move { find(&mut connection, id).await }))
            .await
    }

    async fn change_task(
        &self,
        from: Task,
        to: Task,
        bounds: Bounds,
    ) -> Result<Change, StoreError> {
        let woken = signal(&to);
        let changed = self.transaction(move |mut connection| {
            Box::pin(async move {
                if let Some(id) = to.summary.assignee_id
                    && from.summary.assignee_id != Some(id)
                    && !has_user(&mut connection, id).await?
                {
                    return Ok((Change::NoAssignee, Vec::new()));
                }
                let change = Usage::change(Some(&from), Some(&to));
                let owner = from.summary.user_id;
                if let Some(exceeded) = use_more(&mut connection, owner, change, bounds).await? {
                    return Ok((Change::Exceeded(exceeded), Vec::new()));
                }
                if update(&mut connection, &from, &to).await? {
                    announce(&mut connection, &to).await?;
                    let notes = notes(Some(&from.summary), Some(&to.summary));
                    return Ok((Change::Done, record(&mut connection, notes).await?));
                }
                give_back(&mut connection, owner, change).await?;
                Ok((Change::Stale, Vec::new()))
            })
        });
        let (changed, numbers) = changed.await?;
        self.signals.committed(numbers);
        if let (Change::Done, Some(signal)) = (changed, woken) {
            self.signals.send(signal);
        }
        Ok(changed)
    }

    async fn delete_task(&self, task: Task) -> Result<Change, StoreError> {
        let deleted = self.transaction(move |mut connection| {
            Box::pin(async move {
                let change = Usage::change(None, Some(&task));
                let owner = task.summary.user_id;
                give_back(&mut connection, owner, change).await?;
                let sql = "DELETE FROM tasks WHERE id = $1 AND version = $2";
                let delete = query(sql).bind(task.summary.id.0).bind(task.summary.version);
                if connection.run(delete).await? == 1 {
                    let notes = notes(Some(&task.summary), None);
                    return Ok((Change::Done, record(&mut connection, notes).await?));
                }
                let back = Usage::change(Some(&task), None);
                give_back(&mut connection, owner, back).await?;
                Ok((Change::Stale, Vec::new()))
            })
        });
        let (deleted, numbers) = deleted.await?;
        self.signals.committed(numbers);
        Ok(deleted)
    }

    async fn list(&self, list: List, limit: Option<Duration>) -> Result<Listed, StoreError> {
        let job = reading(list);
        match limit {
            Some(limit) => self.search(limit, job).await,
            None => self.read(job).await,
        }
    }

    async fn has_user(&self, id: UserId) -> Result<bool, StoreError> {
        self.read(move |mut connection| {
            Box::pin(async move { has_user(&mut connection, id).await })
        })
        .await
    }
}

/// The job that reads a part of a list.
fn reading(
    list: List,
) -> impl for<'c> FnOnce(Connection<'c>) -> BoxFuture<'c, Result<Listed, StoreError>> + Send {
    move |mut connection| Box::pin(async move { super::lists::read(&mut connection, &list).await })
}

pub(super) async fn find(
    connection: &mut Connection<'_>,
    id: TaskId,
) -> Result<Option<Task>, StoreError> {
    let sql = concat!(
        "SELECT ",
        summary_columns!(),
        ", ",
        run_columns!(),
        ", payload FROM tasks WHERE id = $1"
    );
    connection.row(query_as::<_, TaskRow>(sql).bind(id.0)).await?.map(TaskRow::task).transpose()
}

pub(super) async fn has_user(
    connection: &mut Connection<'_>,
    id: UserId,
) -> Result<bool, StoreError> {
    let sql = "SELECT id FROM users WHERE id = $1";
    Ok(connection.row(query_as::<_, (Uuid,)>(sql).bind(id.0)).await?.is_some())
}

async fn insert(connection: &mut Connection<'_>, task: &Task) -> Result<(), StoreError> {
    let Task { summary, payload, origin, .. } = task;
    let origin = serde_json::to_string(origin).map_err(|_| damaged("tasks.origin"))?;
    let sql = "INSERT INTO tasks (id, user_id, assignee_id, type, status, priority, attempts, max_attempts, version, \
        created_at, updated_at, run_at, title, description, search, payload, origin) \
        VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $8, $9, $9, $10, $11, $12, $13, $14, $15)";
    let insert = query(sql)
        .bind(summary.id.0)
        .bind(summary.user_id.0)
        .bind(summary.assignee_id.map(|id| id.0))
        .bind(summary.kind.as_str())
        .bind(summary.status.as_str())
        .bind(summary.priority.rank())
        .bind(i16::try_from(summary.max_attempts).unwrap_or(i16::MAX))
        .bind(summary.version)
        .bind(summary.created_at.as_millis())
        .bind(summary.run_at.map(Timestamp::as_millis))
        .bind(&summary.title)
        .bind(&summary.description)
        .bind(searchable(summary.title.as_deref(), summary.description.as_deref()))
        .bind(payload.as_ref().map(ToString::to_string))
        .bind(origin);
    connection.run(insert).await?;
    Ok(())
}

/// `false` if the task was changed or deleted in the meantime.
pub(super) async fn update(
    connection: &mut Connection<'_>,
    from: &Task,
    to: &Task,
) -> Result<bool, StoreError> {
    let Task { summary, payload, runs, .. } = to;
    let result = runs.result.as_ref();
    let sql = "UPDATE tasks SET assignee_id = $3, status = $4, priority = $5, attempts = $6, version = $7, \
        updated_at = $8, run_at = $9, cancel_requested_at = $10, started_at = $11, finished_at = $12, error = $13, \
        title = $14, description = $15, search = $16, payload = $17, fence = $18, crashes = $19, \
        result_key = $20, result_type = $21, result_bytes = $22 WHERE id = $1 AND version = $2";
    let millis = |time: Option<Timestamp>| time.map(Timestamp::as_millis);
    let update = query(sql)
        .bind(from.summary.id.0)
        .bind(from.summary.version)
        .bind(summary.assignee_id.map(|id| id.0))
        .bind(summary.status.as_str())
        .bind(summary.priority.rank())
        .bind(i16::try_from(summary.attempts).unwrap_or(i16::MAX))
        .bind(summary.version)
        .bind(summary.updated_at.as_millis())
        .bind(millis(summary.run_at))
        .bind(millis(summary.cancel_requested_at))
        .bind(millis(summary.started_at))
        .bind(millis(summary.finished_at))
        .bind(&summary.error)
        .bind(&summary.title)
        .bind(&summary.description)
        .bind(searchable(summary.title.as_deref(), summary.description.as_deref()))
        .bind(payload.as_ref().map(ToString::to_string))
        .bind(runs.fence)
        .bind(i16::try_from(runs.crashes).unwrap_or(i16::MAX))
        .bind(result.map(|result| result.key.clone()))
        .bind(result.map(|result| result.media_type.clone()))
        .bind(result.map(|result| i64::try_from(result.bytes).unwrap_or(i64::MAX)));
    Ok(connection.run(update).await? == 1)
}
