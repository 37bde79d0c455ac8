//! The members of a task in the body of a request, and the rules that no schema can express.

use crate::jobs::{JOBS, Job, Rules};
use crate::model::change::Draft;
use crate::model::task::{Kind, MAX_ATTEMPTS, Priority};
use crate::model::timestamp::Timestamp;
use crate::model::user::UserId;
use chassis::problem::Fault;
use chassis::validation::{Schema, fault};
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

/// The types of jobs, each with the schema of its payload.
#[derive(Debug)]
pub(super) struct Payloads(Vec<(&'static Job, Schema)>);

/// The body of a creation.
#[derive(Deserialize)]
pub(super) struct Created {
    #[serde(rename = "type", default = "manual")]
    pub(super) kind: Kind,
    #[serde(default = "max_attempts")]
    pub(super) max_attempts: u16,
    #[serde(flatten)]
    pub(super) members: Members,
}

fn manual() -> Kind {
    Kind::MANUAL
}

fn max_attempts() -> u16 {
    MAX_ATTEMPTS
}

/// The members that an owner can change.
#[derive(Deserialize)]
pub(super) struct Members {
    title: Option<String>,
    description: Option<String>,
    priority: Option<Priority>,
    assignee_id: Option<Uuid>,
    run_at: Option<String>,
    payload: Option<Value>,
}

impl Members {
    pub(super) fn draft(self) -> Draft {
        Draft {
            title: self.title,
            description: self.description,
            priority: self.priority.unwrap_or(Priority::Normal),
            assignee_id: self.assignee_id.map(UserId),
            run_at: self.run_at.as_deref().and_then(Timestamp::parse),
            payload: self.payload,
        }
    }
}

impl Payloads {
    pub(super) fn new() -> Self {
        Self(JOBS.iter().map(|job| (job, Schema::new(&(job.schema)()))).collect())
    }

    /// The errors of a changed task that the schema of the body cannot express. That schema does not know the type of
    /// the task, so the payload is checked here.
    pub(super) fn faults(&self, kind: &Kind, members: &Value, rules: &Rules) -> Vec<Fault> {
        let payload = &members["payload"];
        let schema = self.0.iter().find(|(job, _)| job.kind == *kind);
        let schema = schema.filter(|_| !payload.is_null());
        let mut found =
            schema.map_or_else(Vec::new, |(_, schema)| schema.faults(payload, "/payload"));
        for broken in faults(Some(kind), members, rules) {
            if !found.iter().any(|fault| fault.pointer == broken.pointer) {
                found.push(broken);
            }
        }
        found
    }
}

/// The errors of a task's members that no schema can express. The type is `None` if it is invalid.
pub(super) fn faults(kind: Option<&Kind>, members: &Value, rules: &Rules) -> Vec<Fault> {
    let mut found = Vec::new();
    let run_at = members["run_at"].as_str();
    if run_at.is_some_and(|text| Timestamp::parse(text).is_none()) {
        found.push(fault("/run_at", "must be a time from 1970 to 9999, as in RFC 3339"));
    }
    let Some(kind) = kind else { return found };
    let payload = &members["payload"];
    let Some(job) = Job::of(kind) else {
        if members["title"].is_null() {
            found.push(fault("/title", "is missing: a manual task has a title"));
        }
        if !payload.is_null() {
            found.push(fault("/payload", "must be null: a manual task has no payload"));
        }
        return found;
    };
    if payload.is_null() {
        found.push(fault("/payload", format!("is missing: a {} has one", kind.as_str())));
    } else if payload.to_string().len() > job.longest {
        found.push(fault("/payload", format!("must have at most {} bytes", job.longest)));
    } else {
        let broken = (job.check)(payload, rules).into_iter();
        found.extend(broken.map(|(at, detail)| fault(format!("/payload{at}"), detail)));
    }
    found
}
