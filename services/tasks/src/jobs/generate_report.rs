//! `generate_report`: writes the tasks of the user to a file.
//!
//! It reads a page of tasks and writes it before it reads the next one. So its memory does not grow with the tasks. A page
//! begins after the last task of the previous one, so changes in the meantime neither repeat nor hide another task.

mod table;

use self::table::{Format, Table};
use super::context::{Context, Unfinished};
use super::{Job, KIB};
use crate::model::listing::{By, Filter, Order, Query, Scope, Start};
use crate::model::result::ResultFile;
use crate::model::task::{Kind, Status, TaskId};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

pub(super) const JOB: Job = Job {
    kind: Kind::new("generate_report"),
    schema,
    longest: 16 * KIB,
    for_admins: false,
    check: |_, _| Vec::new(),
    volatile: None,
    needs_isolation: false,
    timeout: Duration::from_mins(5),
    run: |context| Box::pin(run(context)),
};

fn schema() -> Value {
    json!({
        "type": "object",
        "description": "Writes the tasks of the user to a file",
        "properties": {
            "format": { "type": "string", "enum": ["csv", "json"] },
            "status": { "type": "string", "enum": Status::ALL, "description": "Only the tasks with this status" }
        },
        "required": ["format"],
        "additionalProperties": false,
        "examples": [{ "format": "csv", "status": "completed" }]
    })
}

/// The tasks of a page. Each has at most 50 KB of text, usually less than 1 KB.
const PAGE: u32 = 500;

#[derive(Deserialize)]
struct Payload {
    format: Format,
    status: Option<Status>,
}

async fn run(context: Context) -> Result<Option<ResultFile>, Unfinished> {
    let payload = context.task.payload.as_ref().unwrap_or(&Value::Null);
    let payload = Payload::deserialize(payload);
    let Payload { format, status } =
        payload.map_err(|_| Unfinished::Failed("the payload is not valid".into()))?;
    let (tools, summary) = (&context.tools, &context.task.summary);
    // Tasks that are created later are left out. Otherwise, a user who creates tasks would prolong the report.
    let begin = context.now();
    let mut query = Query {
        scope: Scope::Owned(summary.user_id),
        filter: Filter { statuses: status.into_iter().collect(), ..Filter::default() },
        order: Order { by: By::CreatedAt, descending: false },
        start: Start::After(TaskId(Uuid::nil())),
        per_page: PAGE,
        kinds: super::kinds().collect(),
    };
    let mut writer = tools.results.writer(summary.id, context.fence, format.media_type()).await?;
    let mut table = Table::new(format)?;
    loop {
        context.go_on()?;
        let listed = tools.store.list(query.clone(), None).await?;
        let tasks = listed.tasks.iter().take_while(|task| task.created_at <= begin);
        let mut last = None;
        for task in tasks {
            table.add(task)?;
            last = Some(task.id);
        }
        writer.write(&table.take()?).await?;
        context.report(table.rows());
        match last {
            Some(last) if listed.has_more => query.start = Start::After(last),
            _ => break,
        }
    }
    writer.write(table.end()).await?;
    context.go_on()?;
    Ok(Some(writer.finish().await?))
}

impl From<csv::Error> for Unfinished {
    fn from(_: csv::Error) -> Self {
        Self::Failed("the report cannot be written".into())
    }
}
