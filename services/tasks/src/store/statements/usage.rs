//! The usage of each user, which the bounds limit.

use super::super::{Connection, ROW_LOCK};
use super::damaged;
use crate::model::usage::{Bounds, Exceeded, Usage};
use crate::model::user::UserId;
use crate::store::StoreError;
use sqlx::{AssertSqlSafe, query, query_as};

/// Adds to the usage of a user, unless it would exceed a bound.
pub(super) async fn use_more(
    connection: &mut Connection<'_>,
    owner: UserId,
    change: Usage,
    bounds: Bounds,
) -> Result<Option<Exceeded>, StoreError> {
    if change == Usage::default() {
        return Ok(None);
    }
    // A bound counts only for a part that grows. The first row of a user is within all bounds.
    let sql = "INSERT INTO user_usage (user_id, tasks, pending, bytes) VALUES ($1, $2, $3, $4) \
        ON CONFLICT (user_id) DO UPDATE SET tasks = user_usage.tasks + excluded.tasks, \
        pending = user_usage.pending + excluded.pending, bytes = user_usage.bytes + excluded.bytes \
        WHERE (excluded.tasks <= 0 OR user_usage.tasks + excluded.tasks <= $5) \
        AND (excluded.pending <= 0 OR user_usage.pending + excluded.pending <= $6) \
        AND (excluded.bytes <= 0 OR user_usage.bytes + excluded.bytes <= $7)";
    let add = query(sql)
        .bind(owner.0)
        .bind(change.tasks)
        .bind(change.pending)
        .bind(change.bytes)
        .bind(bounds.tasks)
        .bind(bounds.pending)
        .bind(bounds.bytes);
    if connection.run(add).await? == 1 {
        return Ok(None);
    }
    let sql = "SELECT tasks, pending, bytes FROM user_usage WHERE user_id = $1";
    let row = connection.row(query_as::<_, (i64, i64, i64)>(sql).bind(owner.0)).await?;
    let (tasks, pending, bytes) = row.ok_or_else(|| damaged("user_usage.user_id"))?;
    let after = Usage {
        tasks: tasks + change.tasks,
        pending: pending + change.pending,
        bytes: bytes + change.bytes,
    };
    Ok(bounds.check(after, change).err())
}

/// Adds to the usage of a user without regard to the bounds, for what workers change.
pub(super) async fn apply(
    connection: &mut Connection<'_>,
    owner: UserId,
    change: Usage,
) -> Result<(), StoreError> {
    let back = Usage { tasks: -change.tasks, pending: -change.pending, bytes: -change.bytes };
    give_back(connection, owner, back).await
}

/// Locks the usage of a user until the end of the transaction.
pub(super) async fn lock(connection: &mut Connection<'_>, owner: UserId) -> Result<(), StoreError> {
    let sql = AssertSqlSafe(format!("SELECT tasks FROM user_usage WHERE user_id = $1{ROW_LOCK}"));
    connection.row(query_as::<_, (i64,)>(sql).bind(owner.0)).await?;
    Ok(())
}

/// Takes a change of the usage back.
pub(super) async fn give_back(
    connection: &mut Connection<'_>,
    owner: UserId,
    change: Usage,
) -> Result<(), StoreError> {
    if change == Usage::default() {
        return Ok(());
    }
    let sql = "UPDATE user_usage SET tasks = tasks - $2, pending = pending - $3, bytes = bytes - $4 \
        WHERE user_id = $1";
    let take = query(sql).bind(owner.0).bind(change.tasks).bind(change.pending).bind(change.bytes);
    connection.run(take).await?;
    Ok(())
}
