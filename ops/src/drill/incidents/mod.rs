//! The incidents. One value defines one incident.

mod callers;
mod certificate;
mod deployments;
mod kms;
mod logs;
mod quota;
mod ssm;
mod state;
mod tasks;

use super::incident::Incident;

/// All incidents, the mildest first. The incidents of one group run at the same time. They do not affect callers, and
/// none of them changes the metric that shows another.
pub(super) const ALL: [&[Incident]; 15] = [
    &[ssm::AWAY_AT_START, callers::KEY_GUESSING, callers::CLIENT_FLOODS, tasks::MEMORY_LIMIT],
    &[tasks::DISK_FULL],
    &[tasks::API_SLOW],
    &[deployments::API_FAILING],
    &[tasks::API_STOPPED],
    &[tasks::API_KILLED],
    &[tasks::SIDECAR_KILLED],
    &[tasks::STALE_UPSTREAM],
    &[ssm::AWAY_FOR_ECS],
    &[quota::REACHED],
    &[kms::DISABLED],
    &[deployments::WRONG_KEY],
    &[deployments::BAD_IMAGE_DIGEST],
    &[certificate::EXPIRED],
    &[state::CUT_OFF, logs::STOPPED],
];

/// Sections of the runbook whose incident the drill cannot cause, and why.
pub(super) const NOT_PLAYED: [(&str, &str); 3] = [
    ("unreachable", "the emulated AWS has no health check from outside"),
    ("events-undelivered", "the emulated AWS delivers no events, so none can fail to arrive"),
    ("waf-blocked", "the emulated load balancer has no firewall"),
];
