//! The formats of a report.

use crate::model::task::{Summary, TaskId};
use crate::model::timestamp::Timestamp;
use crate::model::user::UserId;
use csv::{QuoteStyle, Terminator, Writer, WriterBuilder};
use serde::Deserialize;
use std::io;

/// The members of a task in a list, in the same order.
const COLUMNS: [&str; 18] = [
    "id",
    "user_id",
    "assignee_id",
    "type",
    "title",
    "description",
    "priority",
    "status",
    "error",
    "has_result",
    "attempts",
    "max_attempts",
    "run_at",
    "cancel_requested_at",
    "created_at",
    "updated_at",
    "started_at",
    "finished_at",
];

/// The format of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Format {
    /// RFC 4180.
    Csv,
    /// One array.
    Json,
}

impl Format {
    pub(super) fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv",
            Self::Json => "application/json",
        }
    }
}

/// A file that grows by rows.
pub(super) struct Table {
    body: Body,
    rows: u64,
}

/// The bytes that were not taken yet.
enum Body {
    Csv(Box<Writer<Vec<u8>>>),
    Json(Vec<u8>),
}

impl Table {
    /// With a header line, if the format has one.
    pub(super) fn new(format: Format) -> Result<Self, csv::Error> {
        let body = match format {
            Format::Csv => {
                let mut csv = lines();
                csv.write_record(COLUMNS)?;
                Body::Csv(csv)
            }
            Format::Json => Body::Json(b"[".to_vec()),
        };
        Ok(Self { body, rows: 0 })
    }

    /// Appends a task.
    pub(super) fn add(&mut self, task: &Summary) -> Result<(), csv::Error> {
        match &mut self.body {
            Body::Csv(csv) => {
                csv.write_record(cells(task).map(safe))?;
            }
            Body::Json(bytes) => {
                bytes.extend_from_slice(if self.rows == 0 { b"\n" } else { b",\n" });
                serde_json::to_writer(bytes, task).map_err(io::Error::from)?;
            }
        }
        self.rows += 1;
        Ok(())
    }

    /// The bytes since the last time.
    pub(super) fn take(&mut self) -> Result<Vec<u8>, csv::Error> {
        Ok(match &mut self.body {
            Body::Csv(csv) => {
                let written = std::mem::replace(csv, lines());
                written.into_inner().map_err(csv::IntoInnerError::into_error)?
            }
            Body::Json(bytes) => std::mem::take(bytes),
        })
    }

    /// The number of tasks.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// The bytes after the last task.
    pub(super) fn end(&self) -> &'static [u8] {
        match self.body {
            Body::Csv(_) => b"",
            Body::Json(_) => b"\n]\n",
        }
    }
}

/// Every cell is quoted, so that no program guesses.
fn lines() -> Box<Writer<Vec<u8>>> {
    let mut builder = WriterBuilder::new();
    builder.quote_style(QuoteStyle::Always).terminator(Terminator::CRLF);
    Box::new(builder.from_writer(Vec::new()))
}

/// The cells, in the order of [`COLUMNS`].
fn cells(task: &Summary) -> [String; COLUMNS.len()] {
    let user = |id: Option<UserId>| id.map(|id| id.0.to_string()).unwrap_or_default();
    let time = |time: Option<Timestamp>| time.map(|time| time.to_string()).unwrap_or_default();
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let TaskId(id) = task.id;
    [
        id.to_string(),
        user(Some(task.user_id)),
        user(task.assignee_id),
        task.kind.as_str().to_owned(),
        text(&task.title),
        text(&task.description),
        task.priority.as_str().to_owned(),
        task.status.as_str().to_owned(),
        text(&task.error),
        task.has_result.to_string(),
        task.attempts.to_string(),
        task.max_attempts.to_string(),
        time(task.run_at),
        time(task.cancel_requested_at),
        time(Some(task.created_at)),
        time(Some(task.updated_at)),
        time(task.started_at),
        time(task.finished_at),
    ]
}

/// A spreadsheet would run a cell that begins with one of these as a formula.
fn safe(cell: String) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) { format!("'{cell}") } else { cell }
}
