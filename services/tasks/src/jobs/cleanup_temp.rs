//! `cleanup_temp`: removes data that is past its retention.

use super::context::{Context, Unfinished};
use super::{Job, KIB};
use crate::model::result::ResultFile;
use crate::model::task::Kind;
use std::time::Duration;

pub(super) const JOB: Job = Job {
    kind: Kind::new("cleanup_temp"),
    schema: "CleanupTemp",
    longest: 16 * KIB,
    for_admins: true,
    check: |_| Vec::new(),
    volatile: None,
    timeout: Duration::from_mins(10),
    run: |context| Box::pin(run(context)),
};

async fn run(_context: Context) -> Result<Option<ResultFile>, Unfinished> {
    Err(Unfinished::Failed("not built yet".into()))
}
