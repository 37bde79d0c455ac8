//! `cleanup_temp`: removes data that is past its retention. It also runs daily by itself.

use super::context::{Context, Tools, Unfinished};
use super::{Job, KIB};
use crate::model::idempotency::KEY_LIFETIME;
use crate::model::result::ResultFile;
use crate::model::task::Kind;
use crate::model::timestamp::Timestamp;
use crate::results::StorageError;
use crate::store::StoreError;
use crate::store::retention::Removed;
use futures_util::StreamExt;
use serde_json::{Value, json};
use std::time::Duration;

const HOUR: Duration = Duration::from_hours(1);
/// The age from which a file must belong to a task that ended.
const ORPHAN: Duration = Duration::from_hours(24);
/// The files of one statement.
const FILES: usize = 100;
/// The most events or sessions of one statement.
const ROWS: u32 = 1000;

pub(super) const JOB: Job = Job {
    kind: Kind::new("cleanup_temp"),
    schema,
    longest: 16 * KIB,
    for_admins: true,
    check: |_, _| Vec::new(),
    volatile: None,
    needs_isolation: false,
    timeout: Duration::from_mins(10),
    run: |context| Box::pin(run(context)),
};

fn schema() -> Value {
    json!({
        "type": "object",
        "description": "Removes data that is past its retention. Only for admins",
        "properties": { "older_than_hours": { "type": "integer", "minimum": 1, "maximum": 87600 } },
        "required": ["older_than_hours"],
        "additionalProperties": false,
        "examples": [{ "older_than_hours": 24 }]
    })
}

/// How long data is kept after its end.
#[derive(Debug, Clone, Copy)]
pub struct Retentions {
    /// Files that jobs made.
    pub results: Duration,
    /// Ended jobs.
    pub jobs: Duration,
    /// Events.
    pub events: Duration,
}

impl Default for Retentions {
    fn default() -> Self {
        Self { results: 7 * 24 * HOUR, jobs: 30 * 24 * HOUR, events: 24 * HOUR }
    }
}

async fn run(context: Context) -> Result<Option<ResultFile>, Unfinished> {
    let payload = context.task.payload.as_ref();
    let hours = payload.and_then(|payload| payload["older_than_hours"].as_u64());
    let hours = hours.and_then(|hours| u32::try_from(hours).ok()).unwrap_or(u32::MAX);
    let kept = HOUR.saturating_mul(hours);
    let kept = Retentions { results: kept, jobs: kept, ..Retentions::default() };
    let mut done = 0;
    let go_on = |rows| {
        done += rows;
        context.report(done);
        context.go_on()
    };
    clean(&context.tools, kept, go_on).await?;
    Ok(None)
}

/// Removes everything that is past its retention. `go_on` gets the number of rows of each part, and can end it.
pub async fn clean(
    tools: &Tools,
    kept: Retentions,
    mut go_on: impl FnMut(u64) -> Result<(), Unfinished>,
) -> Result<(), Unfinished> {
    let retention = tools.store.retention();
    let now = tools.store.work().now().await.map_err(away)?;
    while removed(tools, retention.remove_results(now.before(kept.results)).await, &mut go_on)
        .await?
    {}
    while removed(tools, retention.remove_jobs(now.before(kept.jobs)).await, &mut go_on).await? {}
    removed(tools, retention.remove_keys(now.before(KEY_LIFETIME)).await, &mut go_on).await?;
    sweep(tools, now, &mut go_on).await?;
    loop {
        let events = tools.store.events().remove_events(now.before(kept.events), ROWS);
        let rows = events.await.map_err(away)?
            + tools.store.remove_ended_sessions(now, ROWS).await.map_err(away)?;
        go_on(rows)?;
        if rows == 0 {
            return Ok(());
        }
    }
}

/// Removes the files that no task has, such as those of runs that were lost and of users that were deleted. A file of a run
/// that has not ended yet is younger.
async fn sweep(
    tools: &Tools,
    now: Timestamp,
    go_on: &mut impl FnMut(u64) -> Result<(), Unfinished>,
) -> Result<(), Unfinished> {
    let old = now.before(ORPHAN);
    let mut files = tools.results.older_than(old).chunks(FILES);
    while let Some(part) = files.next().await {
        let keys = part.into_iter().collect::<Result<_, StorageError>>()?;
        let orphans = tools.store.retention().orphans(keys).await.map_err(away)?;
        let number = orphans.len() as u64;
        for key in orphans {
            tools.results.delete(&key).await?;
        }
        go_on(number)?;
    }
    go_on(tools.results.remove_unfinished(old).await?)
}

/// Deletes the files of a part. `false` if nothing is left.
async fn removed(
    tools: &Tools,
    part: Result<Removed, StoreError>,
    go_on: &mut impl FnMut(u64) -> Result<(), Unfinished>,
) -> Result<bool, Unfinished> {
    let Removed { rows, files } = part.map_err(away)?;
    for key in files {
        // A file that stays has no task any more. The sweep of the storage finds it.
        if let Err(error) = tools.results.delete(&key).await {
            tracing::warn!(cause = %error, "a file is not removed yet");
        }
    }
    go_on(rows)?;
    Ok(rows > 0)
}

#[expect(clippy::needless_pass_by_value, reason = "map_err passes the value")]
fn away(error: StoreError) -> Unfinished {
    tracing::warn!(cause = %error, "cleanup ended early");
    Unfinished::Failed("The database did not answer.".into())
}
