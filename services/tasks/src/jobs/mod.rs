//! The types of jobs. Each has a file with the rules of its payload, and a line in [`JOBS`].
//!
//! The document has the schema of each payload. A rule here is one that a schema cannot express.

mod cleanup_temp;
mod generate_report;
mod resize_image;
mod send_email;

use crate::model::task::Kind;
use serde_json::Value;

const KIB: usize = 1024;

/// A type of job.
#[derive(Debug)]
pub struct Job {
    /// Its type.
    pub kind: Kind,
    /// The name of the schema of its payload in the document.
    pub schema: &'static str,
    /// The most bytes of its payload, as JSON without spaces.
    pub longest: usize,
    /// Only an admin may create it.
    pub for_admins: bool,
    /// Checks a payload that keeps its schema.
    pub check: fn(&Value) -> Vec<Broken>,
}

/// A broken rule: a JSON pointer into the payload, and a text that continues "The member …".
pub type Broken = (&'static str, &'static str);

/// All types of jobs.
pub const JOBS: [Job; 4] =
    [send_email::JOB, generate_report::JOB, resize_image::JOB, cleanup_temp::JOB];

impl Job {
    /// The job of a type. `None` for a task of a person.
    #[must_use]
    pub fn of(kind: Kind) -> Option<&'static Self> {
        JOBS.iter().find(|job| job.kind == kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_but_manual_has_one_job() {
        for &kind in Kind::ALL {
            let jobs = JOBS.iter().filter(|job| job.kind == kind).count();
            assert_eq!(jobs, usize::from(kind != Kind::Manual), "{kind:?}");
        }
    }
}
