//! The statements about runs.
//!
//! Locks are taken in the order of [`super::tasks`]: usage of the owner, task, run, counters of events.

use super::super::{ANNOUNCE, Connection, Database, Engine, ROW_LOCK};
use super::claims::{Look, claim, lease_end, now};
use super::damaged;
use super::events::record;
use super::outbox;
use super::polls::{expired, held, notice};
use super::queue::{queue, retry_failed};
use super::retention::replace;
use super::tasks::find;
use super::usage::lock;
use crate::model::run::{Attempt, Outcome, Run};
use crate::model::task::{Kind, Status, Task, TaskId};
use crate::model::timestamp::Timestamp;
use crate::model::user::UserId;
use crate::store::StoreError;
use crate::store::signals::{LastNumbers, Signal};
use crate::store::work::{Claimed, Ending, Notice, Queue, Wanted, Work};
use async_trait::async_trait;
use sqlx::{AssertSqlSafe, QueryBuilder, query, query_as};
use std::time::Duration;
use tokio::time::sleep;
use uuid::Uuid;

/// The pauses after the looks that find only users whose rows are locked. Another claim holds such a lock for a moment. A
/// transaction that holds it for longer delays only its user.
const LOOKS: [Duration; 5] = [
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(20),
    Duration::from_millis(40),
    Duration::from_millis(80),
];

#[async_trait]
impl Work for Database {
    async fn claim(&self, wanted: Wanted) -> Result<Option<Claimed>, StoreError> {
        for pause in LOOKS {
            let wanted = wanted.clone();
            let look = self.transaction(move |mut connection| {
                Box::pin(async move { claim(&mut connection, &wanted).await })
            });
            match look.await? {
                Look::Claimed(claimed) => {
                    let (claimed, numbers) = *claimed;
                    self.signals.committed(numbers);
                    return Ok(Some(claimed));
                }
                Look::Locked => sleep(pause).await,
                Look::Nothing => break,
            }
        }
        Ok(None)
    }

    async fn renew(&self, runs: Vec<Run>, lease: Duration) -> Result<(), StoreError> {
        self.transaction(move |mut connection| {
            Box::pin(async move {
                let until = lease_end(now(&mut connection).await?, lease);
                for run in runs {
                    let sql = "UPDATE attempts SET lease_until = $3 \
                        WHERE task_id = $1 AND fence = $2 AND ended_at IS NULL";
                    let renew = query(sql).bind(run.task.0).bind(run.fence).bind(until);
                    connection.run(renew).await?;
                }
                Ok(())
            })
        })
        .await
    }

    async fn notices(&self, runs: Vec<Run>) -> Result<Vec<(Run, Notice)>, StoreError> {
        self.read(move |mut connection| {
            Box::pin(async move {
                let mut notices = Vec::new();
                for run in runs {
                    let mut sql = notice(run);
                    match connection.row(sql.build_query_as::<(Option<i64>,)>()).await? {
                        None => notices.push((run, Notice::Lost)),
                        Some((Some(_),)) => notices.push((run, Notice::Cancelled)),
                        Some((None,)) => {}
                    }
                }
                Ok(notices)
            })
        })
        .await
    }

    async fn finish(&self, run: Run, ending: Ending) -> Result<Option<Task>, StoreError> {
        let ended = self.transaction(move |mut connection| {
            Box::pin(async move { end(&mut connection, run, &ending, false).await })
        });
        Ok(self.wake(ended.await?))
    }

    async fn held(&self, worker: &str) -> Result<Vec<Run>, StoreError> {
        let worker = worker.to_owned();
        self.read(move |mut connection| {
            Box::pin(async move { runs(&mut connection, held(worker)).await })
        })
        .await
    }

    async fn expired(&self) -> Result<Vec<Run>, StoreError> {
        self.read(move |mut connection| {
            Box::pin(async move {
                let now = now(&mut connection).await?;
                runs(&mut connection, expired(now)).await
            })
        })
        .await
    }

    async fn expire(&self, run: Run, ending: Ending) -> Result<Option<Task>, StoreError> {
        let ended = self.transaction(move |mut connection| {
            Box::pin(async move { end(&mut connection, run, &ending, true).await })
        });
        Ok(self.wake(ended.await?))
    }

    async fn attempts(&self, task: TaskId) -> Result<Vec<Attempt>, StoreError> {
        type Row = (String, i64, Option<i64>, Option<String>, Option<String>);
        self.read(move |mut connection| {
            Box::pin(async move {
                let sql = "SELECT worker, started_at, ended_at, outcome, error FROM attempts \
                    WHERE task_id = $1 ORDER BY fence DESC";
                let rows = connection.rows(query_as::<_, Row>(sql).bind(task.0)).await?;
                let attempt = |(worker, started, ended, outcome, error): Row| {
                    let outcome = outcome.map(|name| Outcome::parse(&name).ok_or(name));
                    Ok(Attempt {
                        worker,
                        started: Timestamp::from_millis(started),
                        ended: ended.map(Timestamp::from_millis),
                        outcome: outcome.transpose().map_err(|_| damaged("attempts.outcome"))?,
                        error,
                    })
                };
                rows.into_iter().map(attempt).collect()
            })
        })
        .await
    }

    async fn queue(&self) -> Result<Queue, StoreError> {
        self.read(move |mut connection| Box::pin(async move { queue(&mut connection).await })).await
    }

    async fn pause(&self, kind: Kind, paused: bool) -> Result<(), StoreError> {
        self.transaction(move |mut connection| {
            Box::pin(async move {
                let now = now(&mut connection).await?;
                let sql = "INSERT INTO job_types (type, paused_at) VALUES ($1, $2) \
                    ON CONFLICT (type) DO UPDATE SET paused_at = excluded.paused_at";
                let at = paused.then_some(now.as_millis());
                connection.run(query(sql).bind(kind.as_str().to_owned()).bind(at)).await?;
                Ok(())
            })
        })
        .await
    }

    async fn retry_failed(
        &self,
        kind: Kind,
        volatile: Option<&'static str>,
    ) -> Result<u64, StoreError> {
        let retried = self.transaction(move |mut connection| {
            Box::pin(async move { retry_failed(&mut connection, &kind, volatile).await })
        });
        let (retried, numbers) = retried.await?;
        self.signals.committed(numbers);
        self.signals.send(Signal::Jobs);
        Ok(retried)
    }

    async fn lead(&self, duty: &str, holder: &str, lease: Duration) -> Result<bool, StoreError> {
        let (duty, holder) = (duty.to_owned(), holder.to_owned());
        self.transaction(move |mut connection| {
            Box::pin(async move {
                let now = now(&mut connection).await?;
                let sql = "INSERT INTO leaders (duty, holder, lease_until) VALUES ($1, $2, $3) \
                    ON CONFLICT (duty) DO UPDATE SET holder = excluded.holder, \
                    lease_until = excluded.lease_until \
                    WHERE leaders.holder = excluded.holder OR leaders.lease_until < $4";
                let lead = query(sql)
                    .bind(duty)
                    .bind(holder)
                    .bind(lease_end(now, lease))
                    .bind(now.as_millis());
                Ok(connection.run(lead).await? == 1)
            })
        })
        .await
    }

    async fn now(&self) -> Result<Timestamp, StoreError> {
        self.read(move |mut connection| Box::pin(async move { now(&mut connection).await })).await
    }
}

impl Database {
    /// Wakes the workers and streams of this process after a commit.
    pub(super) fn wake(&self, ended: Option<(Task, LastNumbers)>) -> Option<Task> {
        let (task, numbers) = ended?;
        self.signals.committed(numbers);
        if let Some(signal) = signal(&task) {
            self.signals.send(signal);
        }
        Some(task)
    }
}

/// The wake-up that follows a change of a task.
pub(super) fn signal(task: &Task) -> Option<Signal> {
    if task.is_pending_job() {
        return Some(Signal::Jobs);
    }
    let stops =
        task.summary.status == Status::Processing && task.summary.cancel_requested_at.is_some();
    stops.then_some(Signal::Cancels)
}

/// Tells other processes of a changed task: the broker through the outbox, and the database at the commit.
pub(super) async fn announce(
    connection: &mut Connection<'_>,
    task: &Task,
) -> Result<(), StoreError> {
    outbox::store(connection, task).await?;
    if let (Some(sql), Some(signal)) = (ANNOUNCE, signal(task)) {
        connection.row(query_as::<_, (i32,)>(sql).bind(signal.channel())).await?;
    }
    Ok(())
}

async fn runs(
    connection: &mut Connection<'_>,
    mut sql: QueryBuilder<Engine>,
) -> Result<Vec<Run>, StoreError> {
    let rows = connection.rows(sql.build_query_as::<(Uuid, Uuid, i64)>()).await?.into_iter();
    let run = |(task, owner, fence)| Run { task: TaskId(task), owner: UserId(owner), fence };
    Ok(rows.map(run).collect())
}

/// Ends a run. With `expired`, only if its lease is over.
async fn end(
    connection: &mut Connection<'_>,
    run: Run,
    ending: &Ending,
    expired: bool,
) -> Result<Option<(Task, LastNumbers)>, StoreError> {
    lock(connection, run.owner).await?;
    let sql = AssertSqlSafe(format!("SELECT id FROM tasks WHERE id = $1{ROW_LOCK}"));
    connection.row(query_as::<_, (Uuid,)>(sql).bind(run.task.0)).await?;
    let Some(from) = find(connection, run.task).await?.filter(|task| task.run() == run) else {
        return Ok(None);
    };
    let now = now(connection).await?;
    let lease = if expired { now.as_millis() } else { i64::MAX };
    let sql = "UPDATE attempts SET ended_at = $3, outcome = $4, error = $5 \
        WHERE task_id = $1 AND fence = $2 AND ended_at IS NULL AND lease_until < $6";
    let attempt = query(sql)
        .bind(run.task.0)
        .bind(run.fence)
        .bind(now.as_millis())
        .bind(ending.end.outcome().as_str())
        .bind(ending.end.error().map(str::to_owned))
        .bind(lease);
    if connection.run(attempt).await? == 0 {
        return Ok(None);
    }
    let mut to = from.clone();
    to.finish(ending.end.clone(), now);
    to.forget(ending.volatile);
    let mut notes = Vec::new();
    if !replace(connection, &from, &to, &mut notes).await? {
        return Err(StoreError::Away("the task was changed at the same time".into()));
    }
    let numbers = record(connection, notes).await?;
    Ok(Some((to, numbers)))
}
