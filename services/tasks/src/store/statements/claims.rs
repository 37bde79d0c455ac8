//! The statements of a claim.
//!
//! A claim locks the row of the user in `user_usage`, like every other change of the user's pending tasks. On PostgreSQL it
//! skips users whose row is locked, so that workers do not wait for each other. One transaction claims one task.

use super::super::{Connection, Engine, NOW, ROW_LOCK, SKIP_LOCKED};
use super::events::record as record_events;
use super::polls::{RUNNING, TURN};
use super::tasks::{find, update};
use super::usage::apply;
use crate::model::event::notes;
use crate::model::run::Run;
use crate::model::task::{Kind, TaskId};
use crate::model::timestamp::Timestamp;
use crate::model::usage::Usage;
use crate::model::user::UserId;
use crate::store::StoreError;
use crate::store::signals::LastNumbers;
use crate::store::work::{Claimed, Wanted};
use sqlx::{AssertSqlSafe, QueryBuilder, query, query_as};
use std::time::Duration;
use uuid::Uuid;

/// How often a claim looks for another user because the jobs of the first one were taken meanwhile.
const TRIES: usize = 4;
/// The runs of a task that are remembered.
const RUNS_KEPT: i64 = 100;
/// The waiting jobs, in the index `tasks_due`.
const WAITING: &str = "status = 'pending' AND type <> 'manual' AND length(type) <> 200";
/// The waiting jobs, in the index `tasks_place`.
const IN_PLACE: &str = "status = 'pending' AND type <> 'manual' AND length(type) <> 201";
/// The time from which a worker may run a job. Without a time, this is at once, because the process that created the job can
/// have another clock.
const DUE: &str = "COALESCE(run_at, 0)";
/// The order of the jobs of a user. A priority is worth the time in the index.
const PLACE: &str = "COALESCE(run_at, created_at) - priority * 600000";

/// The time of the database.
pub(super) async fn now(connection: &mut Connection<'_>) -> Result<Timestamp, StoreError> {
    let sql = AssertSqlSafe(format!("SELECT {NOW}"));
    let row = connection.row(query_as::<_, (i64,)>(sql)).await?;
    Ok(Timestamp::from_millis(row.map_or(0, |(millis,)| millis)))
}

/// The result of a look at the queue.
pub(super) enum Look {
    /// A job was claimed.
    Claimed(Box<(Claimed, LastNumbers)>),
    /// All users with due jobs are locked.
    Locked,
    /// No job can be claimed.
    Nothing,
}

/// Claims the next task.
pub(super) async fn claim(
    connection: &mut Connection<'_>,
    wanted: &Wanted,
) -> Result<Look, StoreError> {
    let kinds = open_kinds(connection, wanted).await?;
    if kinds.is_empty() {
        return Ok(Look::Nothing);
    }
    let now = now(connection).await?;
    for _ in 0..TRIES {
        let mut user = next_user(&kinds, wanted.per_user, now, SKIP_LOCKED);
        let Some((user,)) = connection.row(user.build_query_as::<(Uuid,)>()).await? else {
            let mut locked = next_user(&kinds, wanted.per_user, now, "");
            let locked = connection.row(locked.build_query_as::<(Uuid,)>()).await?;
            return Ok(if locked.is_some() { Look::Locked } else { Look::Nothing });
        };
        take_turn(connection, UserId(user)).await?;
        let mut task = next_task(UserId(user), &kinds, now);
        let Some((id,)) = connection.row(task.build_query_as::<(Uuid,)>()).await? else {
            continue;
        };
        if let Some(claimed) = begin(connection, TaskId(id), wanted, now).await? {
            return Ok(Look::Claimed(Box::new(claimed)));
        }
    }
    Ok(Look::Locked)
}

/// The types of the worker that are neither paused nor at their limit.
async fn open_kinds(
    connection: &mut Connection<'_>,
    wanted: &Wanted,
) -> Result<Vec<Kind>, StoreError> {
    for (kind, _) in &wanted.limits {
        // The lock makes the claims of a type with a limit run one after another.
        let sql = "INSERT INTO job_types (type) VALUES ($1) ON CONFLICT (type) DO NOTHING";
        connection.run(query(sql).bind(kind.as_str().to_owned())).await?;
        let sql = AssertSqlSafe(format!("SELECT type FROM job_types WHERE type = $1{ROW_LOCK}"));
        connection.rows(query_as::<_, (String,)>(sql).bind(kind.as_str().to_owned())).await?;
    }
    let paused = "SELECT type FROM job_types WHERE paused_at IS NOT NULL";
    let paused = connection.rows(query_as::<_, (String,)>(paused)).await?;
    let running = if wanted.limits.is_empty() {
        Vec::new()
    } else {
        connection.rows(query_as::<_, (String, i64)>(RUNNING)).await?
    };
    let is_open = |kind: &&Kind| {
        let running = running.iter().find(|(name, _)| name == kind.as_str());
        let limit = wanted.limits.iter().find(|(limited, _)| limited == *kind);
        let is_full = limit.is_some_and(|(_, limit)| {
            running.is_some_and(|(_, running)| *running >= i64::from(*limit))
        });
        !is_full && !paused.iter().any(|(name,)| name == kind.as_str())
    };
    Ok(wanted.kinds.iter().filter(is_open).cloned().collect())
}

/// The user whose turn it is, of those with a due job.
pub(super) fn next_user(
    kinds: &[Kind],
    per_user: u32,
    now: Timestamp,
    lock: &str,
) -> QueryBuilder<Engine> {
    let mut sql = QueryBuilder::new(
        "SELECT u.user_id FROM user_usage u WHERE u.pending > 0 AND EXISTS (SELECT 1 FROM tasks \
        WHERE user_id = u.user_id AND ",
    );
    waiting(&mut sql, WAITING, kinds, now);
    // With an OFFSET, PostgreSQL looks at one user after the other. Without it, it can join the users with all waiting jobs.
    sql.push(" LIMIT 1 OFFSET 0) AND (SELECT count(*) FROM attempts a WHERE a.user_id = u.user_id AND a.ended_at IS NULL) < ");
    sql.push_bind(i64::from(per_user));
    sql.push(format_args!(" ORDER BY u.turn, u.user_id LIMIT 1{lock}"));
    sql
}

/// The due job of a user with the first place.
pub(super) fn next_task(user: UserId, kinds: &[Kind], now: Timestamp) -> QueryBuilder<Engine> {
    let mut sql = QueryBuilder::new("SELECT id FROM tasks WHERE user_id = ");
    sql.push_bind(user.0).push(" AND ");
    waiting(&mut sql, IN_PLACE, kinds, now);
    sql.push(format_args!(" ORDER BY {PLACE}, id LIMIT 1"));
    sql
}

fn waiting(sql: &mut QueryBuilder<Engine>, index: &str, kinds: &[Kind], now: Timestamp) {
    sql.push(format_args!("{index} AND {DUE} <= ")).push_bind(now.as_millis());
    sql.push(" AND type IN (");
    let mut list = sql.separated(", ");
    for kind in kinds {
        list.push_bind(kind.as_str().to_owned());
    }
    sql.push(")");
}

/// The user is behind all others now.
async fn take_turn(connection: &mut Connection<'_>, user: UserId) -> Result<(), StoreError> {
    let sql = AssertSqlSafe(format!("UPDATE user_usage SET turn = ({TURN}) WHERE user_id = $1"));
    connection.run(query(sql).bind(user.0)).await?;
    Ok(())
}

async fn begin(
    connection: &mut Connection<'_>,
    id: TaskId,
    wanted: &Wanted,
    now: Timestamp,
) -> Result<Option<(Claimed, LastNumbers)>, StoreError> {
    let Some(from) = find(connection, id).await? else {
        return Ok(None);
    };
    let mut to = from.clone();
    to.begin(now);
    if !from.is_pending_job() || !update(connection, &from, &to).await? {
        return Ok(None);
    }
    let change = Usage::change(Some(&from), Some(&to));
    apply(connection, to.summary.user_id, change).await?;
    record(connection, to.run(), &to.summary.kind, wanted, now).await?;
    let notes = notes(Some(&from.summary), Some(&to.summary));
    let numbers = record_events(connection, notes).await?;
    Ok(Some((Claimed { waited: now.since(from.waits_since()), task: to }, numbers)))
}

async fn record(
    connection: &mut Connection<'_>,
    run: Run,
    kind: &Kind,
    wanted: &Wanted,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO attempts (task_id, fence, user_id, type, worker, started_at, lease_until) \
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let insert = query(sql)
        .bind(run.task.0)
        .bind(run.fence)
        .bind(run.owner.0)
        .bind(kind.as_str().to_owned())
        .bind(wanted.worker.clone())
        .bind(now.as_millis())
        .bind(now.after(wanted.lease).as_millis());
    connection.run(insert).await?;
    if run.fence > RUNS_KEPT {
        let sql = "DELETE FROM attempts WHERE task_id = $1 AND fence <= $2";
        connection.run(query(sql).bind(run.task.0).bind(run.fence - RUNS_KEPT)).await?;
    }
    Ok(())
}

/// The moment at which a new lease ends.
pub(super) fn lease_end(now: Timestamp, lease: Duration) -> i64 {
    now.after(lease).as_millis()
}
