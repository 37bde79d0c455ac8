//! `cleanup_temp`: removes data that is past its retention.

use super::{Job, KIB};
use crate::model::task::Kind;

pub(super) const JOB: Job = Job {
    kind: Kind::CleanupTemp,
    schema: "CleanupTemp",
    longest: 16 * KIB,
    for_admins: true,
    check: |_| Vec::new(),
};
