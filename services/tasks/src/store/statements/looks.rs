//! The texts of the statements that workers run often, and all of them together for tests of their plans.

#[cfg(feature = "test-support")]
use super::super::Engine;
#[cfg(feature = "test-support")]
use super::claims::{next_task, next_user};
#[cfg(feature = "test-support")]
use crate::model::{run::Run, task::Kind, timestamp::Timestamp};
#[cfg(feature = "test-support")]
use sqlx::QueryBuilder;

/// The runs of each type.
pub(super) const RUNNING: &str =
    "SELECT type, count(*) FROM attempts WHERE ended_at IS NULL GROUP BY type";
/// The next turn.
pub(super) const TURN: &str = "SELECT COALESCE(MAX(turn), 0) + 1 FROM user_usage WHERE pending > 0";
/// The runs of a worker, in the order of the index of open runs. In another order, SQLite would read all runs.
pub(super) const HELD: &str = "SELECT task_id, user_id, fence FROM attempts \
    WHERE ended_at IS NULL AND worker = $1 ORDER BY lease_until LIMIT $2";
/// The runs whose lease ended before a time.
pub(super) const EXPIRED: &str = "SELECT task_id, user_id, fence FROM attempts \
    WHERE ended_at IS NULL AND lease_until < $1 ORDER BY lease_until LIMIT $2";
/// Whether a run must stop.
pub(super) const NOTICE: &str = "SELECT t.cancel_requested_at FROM attempts a JOIN tasks t ON t.id = a.task_id \
    WHERE a.task_id = $1 AND a.fence = $2 AND a.ended_at IS NULL";

/// Each statement with its name.
#[cfg(feature = "test-support")]
#[must_use]
pub fn looks(
    run: Run,
    worker: &str,
    kinds: &[Kind],
    now: Timestamp,
) -> Vec<(&'static str, QueryBuilder<Engine>)> {
    // The builder writes the placeholders itself, in the order of the texts.
    let text = |sql: &'static str| {
        let mut parts =
            sql.split(['$']).map(|part| part.trim_start_matches(|c: char| c.is_ascii_digit()));
        let builder = QueryBuilder::new(parts.next().unwrap_or_default());
        (builder, parts.collect::<Vec<_>>())
    };
    let (mut held, rest) = text(HELD);
    held.push_bind(worker.to_owned()).push(rest[0]).push_bind(super::retention::PART);
    let (mut expired, rest) = text(EXPIRED);
    expired.push_bind(now.as_millis()).push(rest[0]).push_bind(super::retention::PART);
    let (mut notice, rest) = text(NOTICE);
    notice.push_bind(run.task.0).push(rest[0]).push_bind(run.fence).push(rest[1]);
    vec![
        ("the user of a claim", next_user(kinds, u32::MAX, now)),
        ("the job of a claim", next_task(run.owner, kinds, now)),
        ("the next turn", QueryBuilder::new(TURN)),
        ("the runs of each type", QueryBuilder::new(RUNNING)),
        ("`held`", held),
        ("`expired`", expired),
        ("`notices`", notice),
    ]
}
