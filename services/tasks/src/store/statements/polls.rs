//! The statements that every worker repeats, also while there is nothing to do.

use super::super::Engine;
use super::retention::PART;
use crate::model::run::Run;
use crate::model::timestamp::Timestamp;
use sqlx::QueryBuilder;

/// The runs of each type.
pub(super) const RUNNING: &str =
    "SELECT type, count(*) FROM attempts WHERE ended_at IS NULL GROUP BY type";
/// The next turn.
pub(super) const TURN: &str = "SELECT COALESCE(MAX(turn), 0) + 1 FROM user_usage WHERE pending > 0";
/// The open runs that satisfy another condition.
const OPEN: &str = "SELECT task_id, user_id, fence FROM attempts WHERE ended_at IS NULL AND ";

/// Open runs, in the order of their index. In another order, SQLite would read all runs.
fn first(mut sql: QueryBuilder<Engine>) -> QueryBuilder<Engine> {
    sql.push(" ORDER BY lease_until LIMIT ").push_bind(PART);
    sql
}

/// The open runs of a worker.
pub(super) fn held(worker: String) -> QueryBuilder<Engine> {
    let mut sql = QueryBuilder::new(OPEN);
    sql.push("worker = ").push_bind(worker);
    first(sql)
}

/// The runs whose lease ended before a time.
pub(super) fn expired(now: Timestamp) -> QueryBuilder<Engine> {
    let mut sql = QueryBuilder::new(OPEN);
    sql.push("lease_until < ").push_bind(now.as_millis());
    first(sql)
}

/// Whether somebody asked an open run to stop.
pub(super) fn notice(run: Run) -> QueryBuilder<Engine> {
    let mut sql = QueryBuilder::new(
        "SELECT t.cancel_requested_at FROM attempts a JOIN tasks t ON t.id = a.task_id WHERE a.task_id = ",
    );
    sql.push_bind(run.task.0).push(" AND a.fence = ").push_bind(run.fence);
    sql.push(" AND a.ended_at IS NULL");
    sql
}

/// All of them by their names, for tests of their plans.
#[cfg(feature = "test-support")]
#[must_use]
pub fn polls(
    run: Run,
    worker: &str,
    kinds: &[crate::model::task::Kind],
    now: Timestamp,
) -> [(&'static str, QueryBuilder<Engine>); 7] {
    [
        (
            "the user of a claim",
            super::claims::next_user(kinds, u32::MAX, now, super::super::SKIP_LOCKED),
        ),
        ("the job of a claim", super::claims::next_task(run.owner, kinds, now)),
        ("the next turn", QueryBuilder::new(TURN)),
        ("the runs of each type", QueryBuilder::new(RUNNING)),
        ("`held`", held(worker.to_owned())),
        ("`expired`", expired(now)),
        ("`notices`", notice(run)),
    ]
}
