//! Statements about idempotency keys.

use super::super::Connection;
use super::tasks::{find, has_user};
use crate::model::idempotency::{BodyHash, Claim, KEY_LIFETIME, KEYS_MAX};
use crate::model::task::{Task, TaskId};
use crate::model::usage::Exceeded;
use crate::model::user::UserId;
use crate::store::{Creation, StoreError};
use sqlx::{query, query_as};
use uuid::Uuid;

/// The operation of all keys so far.
const CREATE: &str = "createTask";

/// Why a task is not created: its key was used before, or a rule of the store.
pub(super) async fn refusal(
    connection: &mut Connection<'_>,
    task: &Task,
    claim: Option<&Claim>,
    exceeded: Option<Exceeded>,
) -> Result<Option<Creation>, StoreError> {
    if let Some(claim) = claim
        && let Some(repeated) = repeated(connection, task.summary.user_id, claim).await?
    {
        return Ok(Some(repeated));
    }
    match (exceeded, task.summary.assignee_id) {
        (Some(exceeded), _) => Ok(Some(Creation::Exceeded(exceeded))),
        (None, Some(id)) if !has_user(connection, id).await? => Ok(Some(Creation::NoAssignee)),
        _ => Ok(None),
    }
}

/// The result of a second request with a key. `None` for the first one.
async fn repeated(
    connection: &mut Connection<'_>,
    owner: UserId,
    claim: &Claim,
) -> Result<Option<Creation>, StoreError> {
    let sql = "SELECT body_hash, task_id FROM idempotency_keys \
        WHERE user_id = $1 AND operation = $2 AND key = $3 AND created_at > $4";
    let lifetime = i64::try_from(KEY_LIFETIME.as_millis()).unwrap_or(i64::MAX);
    let stored = query_as::<_, (Vec<u8>, Uuid)>(sql)
        .bind(owner.0)
        .bind(CREATE)
        .bind(claim.key.as_str())
        .bind(claim.at.as_millis() - lifetime);
    let Some((hash, id)) = connection.row(stored).await? else {
        return Ok(None);
    };
    if hash.try_into().map(BodyHash) != Ok(claim.body) {
        return Ok(Some(Creation::OtherBody));
    }
    let task = find(connection, TaskId(id)).await?;
    Ok(Some(task.map_or(Creation::Deleted, |task| Creation::Repeated(Box::new(task)))))
}

/// Stores a key with the id of the new task, and forgets the oldest keys.
pub(super) async fn remember(
    connection: &mut Connection<'_>,
    task: &Task,
    claim: &Claim,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO idempotency_keys (user_id, operation, key, body_hash, task_id, created_at) \
        VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (user_id, operation, key) DO UPDATE SET \
        body_hash = excluded.body_hash, task_id = excluded.task_id, created_at = excluded.created_at";
    let owner = task.summary.user_id.0;
    let insert = query(sql)
        .bind(owner)
        .bind(CREATE)
        .bind(claim.key.as_str())
        .bind(&claim.body.0[..])
        .bind(task.summary.id.0)
        .bind(claim.at.as_millis());
    connection.run(insert).await?;
    let sql = "DELETE FROM idempotency_keys WHERE user_id = $1 AND created_at <= (SELECT created_at \
        FROM idempotency_keys WHERE user_id = $1 ORDER BY created_at DESC LIMIT 1 OFFSET $2)";
    connection.run(query(sql).bind(owner).bind(i64::from(KEYS_MAX))).await?;
    Ok(())
}
