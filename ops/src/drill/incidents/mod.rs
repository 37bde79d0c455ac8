//! The incidents. All that is known of one is in one value.

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

/// Every incident, mildest first. Those of one group go on side by side: callers notice none of them, and no metric that
/// shows the one comes from another.
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

/// Sections of the runbook whose incident one machine cannot have, and why.
pub(super) const NOT_PLAYED: [(&str, &str); 3] = [
    ("unreachable", "the emulated AWS asks nobody from outside"),
    ("events-undelivered", "the emulated AWS delivers no events, so none can fail to arrive"),
    ("waf-blocked", "no firewall stands in front of the stand-in for the load balancer"),
];
