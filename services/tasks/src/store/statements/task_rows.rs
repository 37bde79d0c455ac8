//! Rows of tasks.

use super::super::Engine;
use super::damaged;
use crate::model::result::ResultFile;
use crate::model::run::Runs;
use crate::model::task::{Kind, Origin, Priority, Status, Summary, Task, TaskId};
use crate::model::timestamp::Timestamp;
use crate::model::user::UserId;
use crate::store::StoreError;
use sqlx::{Database as Sqlx, FromRow, Row};
use uuid::Uuid;

/// The columns of [`Summary`].
macro_rules! summary_columns {
    () => {
        "id, user_id, assignee_id, type, status, priority, attempts, max_attempts, version, created_at, updated_at, \
        run_at, cancel_requested_at, started_at, finished_at, error, title, description, result_bytes"
    };
}
pub(super) use summary_columns;

/// The columns of [`Runs`] and [`Origin`] in addition.
macro_rules! run_columns {
    () => {
        "fence, crashes, result_key, result_type, origin"
    };
}
pub(super) use run_columns;

/// A row of [`summary_columns`].
pub(super) struct SummaryRow(pub(super) Summary);

impl<'r> FromRow<'r, <Engine as Sqlx>::Row> for SummaryRow {
    fn from_row(row: &'r <Engine as Sqlx>::Row) -> Result<Self, sqlx::Error> {
        let time = |column| -> Result<Option<Timestamp>, sqlx::Error> {
            Ok(row.try_get::<Option<i64>, _>(column)?.map(Timestamp::from_millis))
        };
        let count = |column| -> Result<u16, sqlx::Error> {
            u16::try_from(row.try_get::<i16, _>(column)?).map_err(|_| invalid(column))
        };
        Ok(Self(Summary {
            id: TaskId(row.try_get("id")?),
            user_id: UserId(row.try_get("user_id")?),
            assignee_id: row.try_get::<Option<Uuid>, _>("assignee_id")?.map(UserId),
            kind: Kind::read(row.try_get("type")?),
            title: row.try_get("title")?,
            description: row.try_get("description")?,
            priority: Priority::at(row.try_get("priority")?).ok_or_else(|| invalid("priority"))?,
            status: Status::parse(row.try_get("status")?).ok_or_else(|| invalid("status"))?,
            error: row.try_get("error")?,
            has_result: row.try_get::<Option<i64>, _>("result_bytes")?.is_some(),
            attempts: count("attempts")?,
            max_attempts: count("max_attempts")?,
            run_at: time("run_at")?,
            cancel_requested_at: time("cancel_requested_at")?,
            created_at: Timestamp::from_millis(row.try_get("created_at")?),
            updated_at: Timestamp::from_millis(row.try_get("updated_at")?),
            started_at: time("started_at")?,
            finished_at: time("finished_at")?,
            version: row.try_get("version")?,
        }))
    }
}

/// A value of a task that this program cannot have written.
fn invalid(column: &str) -> sqlx::Error {
    sqlx::Error::Decode(format!("tasks.{column} contains an invalid value").into())
}

/// A row of [`summary_columns`], [`run_columns`] and `payload`.
pub(super) struct TaskRow {
    summary: SummaryRow,
    runs: Runs,
    payload: Option<String>,
    origin: Option<String>,
}

impl<'r> FromRow<'r, <Engine as Sqlx>::Row> for TaskRow {
    fn from_row(row: &'r <Engine as Sqlx>::Row) -> Result<Self, sqlx::Error> {
        let bytes: Option<i64> = row.try_get("result_bytes")?;
        let result = match (row.try_get("result_key")?, row.try_get("result_type")?, bytes) {
            (Some(key), Some(media_type), Some(bytes)) => {
                Some(ResultFile { key, media_type, bytes: u64::try_from(bytes).unwrap_or(0) })
            }
            _ => None,
        };
        let crashes = u16::try_from(row.try_get::<i16, _>("crashes")?);
        let crashes = crashes.map_err(|_| invalid("crashes"))?;
        let runs = Runs { fence: row.try_get("fence")?, crashes, result };
        Ok(Self {
            summary: SummaryRow::from_row(row)?,
            runs,
            payload: row.try_get("payload")?,
            origin: row.try_get("origin")?,
        })
    }
}

impl TaskRow {
    pub(super) fn task(self) -> Result<Task, StoreError> {
        let payload = self.payload.map(|text| serde_json::from_str(&text)).transpose();
        let payload = payload.map_err(|_| damaged("tasks.payload"))?;
        let origin = self.origin.map(|text| serde_json::from_str::<Origin>(&text)).transpose();
        let origin = origin.map_err(|_| damaged("tasks.origin"))?.unwrap_or_default();
        Ok(Task { summary: self.summary.0, payload, runs: self.runs, origin })
    }
}
