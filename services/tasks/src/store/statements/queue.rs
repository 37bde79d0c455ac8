//! The statements about the jobs of all users, for admins.

use super::super::Connection;
use super::claims::now;
use super::events::record;
use super::retention::{PART, locked, replace};
use crate::model::task::Kind;
use crate::model::timestamp::Timestamp;
use crate::store::StoreError;
use crate::store::signals::LastNumbers;
use crate::store::work::{Counts, Queue};
use sqlx::{AssertSqlSafe, query_as};
use uuid::Uuid;

/// The time since which a job waits.
const SINCE: &str = "COALESCE(run_at, created_at)";

/// The jobs of all users.
pub(super) async fn queue(connection: &mut Connection<'_>) -> Result<Queue, StoreError> {
    type Row = (String, String, i64, i64, i64);
    let now = now(connection).await?;
    let sql = AssertSqlSafe(format!(
        "SELECT type, status, count(*), count(CASE WHEN {SINCE} > $1 THEN 1 END), MIN({SINCE}) FROM tasks \
        WHERE type <> 'manual' AND status IN ('pending', 'processing', 'failed') AND length(type) <> 202 GROUP BY type, status"
    ));
    let rows = connection.rows(query_as::<_, Row>(sql).bind(now.as_millis())).await?;
    let mut queue = Queue::default();
    for (kind, status, all, later, oldest) in rows {
        let (all, later) = (u64::try_from(all).unwrap_or(0), u64::try_from(later).unwrap_or(0));
        let mut part = Counts::default();
        match status.as_str() {
            "pending" => {
                (part.pending, part.scheduled) = (all, later);
                part.oldest_pending_seconds = now.since(Timestamp::from_millis(oldest)).as_secs();
            }
            "processing" => part.processing = all,
            _ => part.failed = all,
        }
        queue.add(kind, part);
    }
    let sql = "SELECT type FROM job_types WHERE paused_at IS NOT NULL ORDER BY type";
    let paused = connection.rows(query_as::<_, (String,)>(sql)).await?;
    queue.paused = paused.into_iter().map(|(kind,)| kind).collect();
    Ok(queue)
}

/// Begins failed tasks of a type again, in a part.
pub(super) async fn retry_failed(
    connection: &mut Connection<'_>,
    kind: &Kind,
    volatile: Option<&str>,
) -> Result<(u64, LastNumbers), StoreError> {
    let sql = "SELECT id, user_id FROM tasks WHERE type = $1 AND type <> 'manual' AND status = 'failed' AND length(type) <> 202 \
        ORDER BY id LIMIT $2";
    let rows = query_as::<_, (Uuid, Uuid)>(sql).bind(kind.as_str().to_owned()).bind(PART);
    let failed = connection.rows(rows).await?;
    let (mut retried, mut notes) = (0, Vec::new());
    let now = now(connection).await?;
    for from in locked(connection, failed).await? {
        let mut to = from.clone();
        if to.retry(volatile).is_ok() {
            to.touch(now);
            retried += u64::from(replace(connection, &from, &to, &mut notes).await?);
        }
    }
    Ok((retried, record(connection, notes).await?))
}
