//! `generate_report`: writes the tasks of the user to a file.

use super::{Job, KIB};
use crate::model::task::Kind;

pub(super) const JOB: Job = Job {
    kind: Kind::GenerateReport,
    schema: "GenerateReport",
    longest: 16 * KIB,
    for_admins: false,
    check: |_| Vec::new(),
};
