//! `generate_report`: writes the tasks of the user to a file.

use super::context::{Context, Unfinished};
use super::{Job, KIB};
use crate::model::result::ResultFile;
use crate::model::task::{Kind, Status};
use serde_json::{Value, json};
use std::time::Duration;

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

async fn run(_context: Context) -> Result<Option<ResultFile>, Unfinished> {
    Err(Unfinished::Failed("not built yet".into()))
}
