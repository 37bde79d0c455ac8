//! Statements about events.
//!
//! The counters of users are the last locks of a transaction, in the order of the users' ids. So two transactions cannot wait
//! for each other.

use super::super::{Connection, Database, Engine, NOW};
use super::damaged;
use crate::model::event::{Event, Kind, Note, Numbers};
use crate::model::session::SessionId;
use crate::model::task::{Status, TaskId};
use crate::model::timestamp::Timestamp;
use crate::model::user::UserId;
use crate::store::StoreError;
use crate::store::events::{Events, Page};
use crate::store::signals::LastNumbers;
use async_trait::async_trait;
use sqlx::{QueryBuilder, query, query_as};
use std::collections::BTreeMap;
use uuid::Uuid;

/// The most ids in one statement.
const IDS: usize = 10_000;

/// `last, removed_up_to, number, task_id, version, status, kind, user_id, assignee_id`. Only the first two are always there.
type Row = (
    i64,
    i64,
    Option<i64>,
    Option<Uuid>,
    Option<i64>,
    Option<String>,
    Option<String>,
    Option<Uuid>,
    Option<Uuid>,
);

#[async_trait]
impl Events for Database {
    async fn events_after(
        &self,
        user: UserId,
        after: Option<i64>,
        limit: u32,
    ) -> Result<Page, StoreError> {
        self.read(move |mut connection| {
            Box::pin(async move {
                // One statement, so that the numbers and the events belong to the same moment.
                let sql = "SELECT c.last, c.removed_up_to, e.number, e.task_id, e.version, e.status, e.kind, \
                    t.user_id, t.assignee_id FROM event_counters c \
                    LEFT JOIN (SELECT number, task_id, version, status, kind FROM events \
                    WHERE user_id = $1 AND number > $2 ORDER BY number LIMIT $3) e ON TRUE \
                    LEFT JOIN tasks t ON t.id = e.task_id WHERE c.user_id = $1 ORDER BY e.number";
                let rows = query_as::<_, Row>(sql)
                    .bind(user.0)
                    .bind(after.unwrap_or(i64::MAX))
                    .bind(i64::from(limit));
                page(user, after, limit, connection.rows(rows).await?)
            })
        })
        .await
    }

    async fn last_numbers(&self, users: Vec<UserId>) -> Result<LastNumbers, StoreError> {
        self.read(move |mut connection| {
            Box::pin(async move {
                let mut numbers = Vec::new();
                for users in users.chunks(IDS) {
                    let mut sql =
                        QueryBuilder::new("SELECT user_id, last FROM event_counters WHERE ");
                    one_of(&mut sql, "user_id", users.iter().map(|user| user.0));
                    let rows = connection.rows_once(sql.build_query_as::<(Uuid, i64)>()).await?;
                    numbers.extend(rows.into_iter().map(|(user, last)| (UserId(user), last)));
                }
                Ok(numbers)
            })
        })
        .await
    }

    async fn open_sessions(
        &self,
        sessions: Vec<SessionId>,
        now: Timestamp,
    ) -> Result<Vec<SessionId>, StoreError> {
        self.read(move |mut connection| {
            Box::pin(async move {
                let mut open = Vec::new();
                for sessions in sessions.chunks(IDS) {
                    let mut sql = QueryBuilder::new("SELECT id FROM sessions WHERE expires_at > ");
                    sql.push_bind(now.as_millis()).push(" AND ");
                    one_of(&mut sql, "id", sessions.iter().map(|session| session.0));
                    let rows = connection.rows_once(sql.build_query_as::<(Uuid,)>()).await?;
                    open.extend(rows.into_iter().map(|(id,)| SessionId(id)));
                }
                Ok(open)
            })
        })
        .await
    }

    async fn remove_events(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.transaction(move |mut connection| {
            Box::pin(async move {
                let sql = "SELECT user_id, MAX(number) FROM (SELECT user_id, number FROM events \
                    WHERE created_at < $1 ORDER BY created_at LIMIT $2) old GROUP BY user_id ORDER BY user_id";
                let old = query_as::<_, (Uuid, i64)>(sql).bind(before.as_millis());
                let mut removed = 0;
                for (user, number) in connection.rows(old.bind(i64::from(limit))).await? {
                    let sql = "UPDATE event_counters SET removed_up_to = $2 \
                        WHERE user_id = $1 AND removed_up_to < $2";
                    connection.run(query(sql).bind(user).bind(number)).await?;
                    // All that are earlier, so that no gap is left.
                    let sql = "DELETE FROM events WHERE user_id = $1 AND number <= $2";
                    removed += connection.run(query(sql).bind(user).bind(number)).await?;
                }
                Ok(removed)
            })
        })
        .await
    }
}

fn one_of(sql: &mut QueryBuilder<Engine>, column: &str, ids: impl Iterator<Item = Uuid>) {
    sql.push(column).push(" IN (");
    let mut list = sql.separated(", ");
    for id in ids {
        list.push_bind(id);
    }
    sql.push(")");
}

fn page(user: UserId, after: Option<i64>, limit: u32, rows: Vec<Row>) -> Result<Page, StoreError> {
    let numbers = rows.first().map_or_else(Numbers::default, |row| {
        let (last, removed_up_to, ..) = *row;
        Numbers { last, removed_up_to }
    });
    let mut through = after.unwrap_or(numbers.last);
    let (mut events, mut found) = (Vec::new(), 0);
    for (_, _, number, task, version, status, kind, owner, assignee) in rows {
        let (Some(number), Some(task), Some(version), Some(status), Some(kind)) =
            (number, task, version, status, kind)
        else {
            continue;
        };
        let status = Status::parse(&status).ok_or_else(|| damaged("events.status"))?;
        let kind = Kind::parse(&kind).ok_or_else(|| damaged("events.kind"))?;
        let note = Note { user, task: TaskId(task), version, status, kind };
        (through, found) = (number, found + 1);
        if note.may_be_sent(owner.map(|owner| (UserId(owner), assignee.map(UserId)))) {
            events.push(Event { number, note });
        }
    }
    Ok(Page { numbers, events, through, is_full: found == limit && limit > 0 })
}

/// Stores events under the next numbers of their users. Returns the last number of each user.
pub(super) async fn record(
    connection: &mut Connection<'_>,
    notes: Vec<Note>,
) -> Result<LastNumbers, StoreError> {
    let mut by_user: BTreeMap<UserId, Vec<Note>> = BTreeMap::new();
    for note in notes {
        by_user.entry(note.user).or_default().push(note);
    }
    if by_user.is_empty() {
        return Ok(Vec::new());
    }
    let last = take_numbers(connection, &by_user).await?;
    let mut numbered = Vec::new();
    for (user, notes) in by_user {
        let last = last.iter().find(|(one, _)| *one == user);
        let (_, last) = last.ok_or_else(|| damaged("event_counters.user_id"))?;
        let first = last + 1 - i64::try_from(notes.len()).unwrap_or(i64::MAX);
        numbered.extend((first..).zip(notes));
    }
    insert(connection, numbered).await?;
    Ok(last)
}

/// Locks the counters until the end of the transaction.
async fn take_numbers(
    connection: &mut Connection<'_>,
    by_user: &BTreeMap<UserId, Vec<Note>>,
) -> Result<LastNumbers, StoreError> {
    let mut sql = QueryBuilder::new("INSERT INTO event_counters (user_id, last, removed_up_to) ");
    sql.push_values(by_user, |mut row, (user, notes)| {
        row.push_bind(user.0).push_bind(i64::try_from(notes.len()).unwrap_or(i64::MAX)).push("0");
    });
    sql.push(
        " ON CONFLICT (user_id) DO UPDATE SET last = event_counters.last + excluded.last \
        RETURNING user_id, last",
    );
    let rows = connection.rows(sql.build_query_as::<(Uuid, i64)>()).await?;
    Ok(rows.into_iter().map(|(user, last)| (UserId(user), last)).collect())
}

async fn insert(
    connection: &mut Connection<'_>,
    numbered: Vec<(i64, Note)>,
) -> Result<(), StoreError> {
    let mut sql = QueryBuilder::new(
        "INSERT INTO events (user_id, number, task_id, version, status, kind, created_at) ",
    );
    sql.push_values(numbered, |mut row, (number, note)| {
        row.push_bind(note.user.0)
            .push_bind(number)
            .push_bind(note.task.0)
            .push_bind(note.version)
            .push_bind(note.status.as_str())
            .push_bind(note.kind.as_str())
            .push(NOW);
    });
    connection.run(sql.build()).await?;
    Ok(())
}
