//! The types of jobs. Each has a file with the schema of its payload and its work, and an entry in [`JOBS`].

pub mod cleanup_temp;
pub mod context;
pub mod document;
mod generate_report;
pub mod resize_image;
mod send_email;
#[cfg(test)]
mod tests;

use self::context::{Context, Unfinished};
use crate::model::mail::Recipients;
use crate::model::result::ResultFile;
use crate::model::task::Kind;
use serde_json::Value;
use std::pin::Pin;
use std::time::Duration;

const KIB: usize = 1024;

/// A type of job.
#[derive(Debug, Clone)]
pub struct Job {
    /// Its type.
    pub kind: Kind,
    /// The JSON Schema of its payload, without references, with an example.
    pub schema: fn() -> Value,
    /// The most bytes of its payload, as JSON without spaces.
    pub longest: usize,
    /// Only an admin may create it.
    pub for_admins: bool,
    /// Its work runs in an isolated process, so it is offered only where [`resize_image::Resizer`] is available.
    pub needs_isolation: bool,
    /// Checks the rules of a payload that a schema cannot express.
    pub check: fn(&Value, &Rules) -> Vec<Broken>,
    /// The member of the payload that is removed when the task ends, because it is large.
    pub volatile: Option<&'static str>,
    /// The time after which a run has failed.
    pub timeout: Duration,
    /// Runs it.
    pub run: fn(Context) -> Running,
}

/// The rules of the operator for payloads.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// The addresses that may receive a mail.
    pub recipients: Recipients,
}

/// The future of a run. It ends with the file that the job made, if it makes one.
pub type Running = Pin<Box<dyn Future<Output = Result<Option<ResultFile>, Unfinished>> + Send>>;

/// A broken rule: a JSON pointer into the payload, and a text that continues "The member …".
pub type Broken = (&'static str, &'static str);

/// All types of jobs.
pub static JOBS: &[Job] = &[
    // In the order of the document.
    send_email::JOB,
    generate_report::JOB,
    resize_image::JOB,
    cleanup_temp::JOB,
];

impl Job {
    /// The job of a type. `None` for a task of a person.
    #[must_use]
    pub fn of(kind: &Kind) -> Option<&'static Self> {
        JOBS.iter().find(|job| job.kind == *kind)
    }

    /// Whether a machine offers it. A worker of another machine claims none of its tasks.
    #[must_use]
    pub fn is_offered(&self, can_isolate: bool) -> bool {
        can_isolate || !self.needs_isolation
    }
}

/// The member of the payload of a type that is removed when the task ends.
#[must_use]
pub fn volatile(kind: &Kind) -> Option<&'static str> {
    Job::of(kind).and_then(|job| job.volatile)
}

/// The type of this name, if this release knows it.
#[must_use]
pub fn kind(name: &str) -> Option<Kind> {
    kinds().find(|kind| kind.as_str() == name)
}

/// All types that this release knows.
pub fn kinds() -> impl Iterator<Item = Kind> {
    [Kind::MANUAL].into_iter().chain(JOBS.iter().map(|job| job.kind.clone()))
}
