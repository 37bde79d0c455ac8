//! Faults of tasks, and of the time.

use super::super::bed::Bed;
use super::super::books::END;
use super::super::callers::{Callers, Job};
use super::super::mail_server::wish;
use crate::{PATIENCE, until};
use std::time::SystemTime;
use tasks::model::timestamp::Timestamp;

const FAILURES: usize = 1000;
/// Fewer than the default, so that the pauses are short.
const ATTEMPTS: u16 = 2;
/// The first difference to the clock of the machine in seconds. Tokens from the future are refused, so users log in then.
pub(super) const BEGIN: i64 = -20;
/// The next ones. Each jump is longer than a lease. The last one is the latest time, because a task that was created before
/// a jump back is due when the clock is there again.
const JUMPS: [i64; 3] = [2, -18, 4];
/// Longer than a process takes to read the time and to answer.
const SLACK: i64 = 1500;

/// Every one of them ends as failed, with the errors of all its attempts.
pub(super) fn fail(bed: &mut Bed, callers: &Callers) -> usize {
    let error = "the mail server refused the mail (status 5xx)";
    let failed = format!("tasks WHERE status = 'failed' AND error = '{error}\n{error}'");
    let before = bed.books.count(&failed);
    callers.calm();
    let created = callers.create(FAILURES, &Job::Mail(wish::REFUSED.into()), ATTEMPTS);
    until("the failed tasks", END, || bed.books.count(&failed) >= before + FAILURES);
    created.len()
}

pub(super) fn jump(bed: &mut Bed, callers: &Callers) -> usize {
    let clock = bed.clock.clone().unwrap();
    for seconds in JUMPS {
        callers.wait_for(10);
        clock.set(seconds);
        until("a task from another time", PATIENCE, || {
            let now = Timestamp::from(SystemTime::UNIX_EPOCH.elapsed().unwrap()).as_millis();
            callers.wait_for(1);
            let newest = callers.newest_creation();
            (newest - now - seconds * 1000).abs() < SLACK
        });
    }
    callers.wait_for(10);
    JUMPS.len()
}
