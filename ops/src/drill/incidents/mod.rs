//! The incidents. All that is known of one is in one value.

mod callers;
mod certificate;
mod deployments;
mod ssm;
mod tasks;

use super::incident::Incident;

/// Every incident, mildest first. Those of one group go on side by side: callers notice none of them, and no metric that
/// shows the one comes from another.
pub(super) const ALL: [&[Incident]; 12] = [
    &[ssm::AWAY_AT_START, callers::KEY_GUESSING, callers::CLIENT_FLOODS, tasks::MEMORY_LIMIT],
    &[tasks::DISK_FULL],
    &[tasks::API_SLOW],
    &[deployments::API_FAILING],
    &[tasks::API_STOPPED],
    &[tasks::API_KILLED],
    &[tasks::SIDECAR_KILLED],
    &[tasks::STALE_UPSTREAM],
    &[ssm::AWAY_FOR_ECS],
    &[deployments::WRONG_KEY],
    &[deployments::BAD_IMAGE_DIGEST],
    &[certificate::EXPIRED],
];
