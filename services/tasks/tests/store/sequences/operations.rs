//! The operations of a sequence.

use super::expected::Lease;
use proptest::prelude::*;
use std::time::Duration;
use tasks::model::result::ResultFile;
use tasks::model::run::End;
use tasks::model::task::Priority;

const HOUR: Duration = Duration::from_hours(1);
/// The jobs of a sequence: the place of the owner, and the priority.
pub(super) const JOBS: [(usize, Priority); 4] =
    [(0, Priority::Normal), (0, Priority::High), (1, Priority::Low), (1, Priority::Low)];

/// An operation. A run or a task is meant by its place, counted from the last one.
#[derive(Debug, Clone)]
pub(super) enum Operation {
    Claim(Lease),
    Renew(usize, Lease),
    Finish(usize, End),
    Expire(usize),
    /// A claim whose worker is lost.
    Lose,
    Cancel(usize),
    Retry(usize),
    RetryFailed,
    /// Makes a task that waits for its next run due.
    MakeDue(usize),
    Pause(bool),
}

fn lease() -> impl Strategy<Value = Lease> {
    prop_oneof![3 => Just(Lease::Over), 2 => Just(Lease::Long)]
}

fn end() -> impl Strategy<Value = End> {
    let file = ResultFile { key: "a/1".into(), media_type: "text/csv".into(), bytes: 7 };
    prop_oneof![
        1 => Just(End::Completed(Some(file))),
        1 => Just(End::Completed(None)),
        4 => Just(End::Failed("no".into(), Duration::ZERO)),
        1 => Just(End::Failed("later".into(), HOUR)),
        1 => Just(End::Cancelled),
        2 => Just(End::HandedBack),
    ]
}

pub(super) fn operation() -> impl Strategy<Value = Operation> {
    // Most operations meet the last run. Some meet a run that has ended.
    let run = || prop_oneof![3 => Just(0_usize), 1 => 0_usize..6];
    prop_oneof![
        10 => lease().prop_map(Operation::Claim),
        2 => (run(), lease()).prop_map(|(run, lease)| Operation::Renew(run, lease)),
        5 => (run(), end()).prop_map(|(run, end)| Operation::Finish(run, end)),
        4 => run().prop_map(Operation::Expire),
        8 => Just(Operation::Lose),
        2 => (0..JOBS.len()).prop_map(Operation::Cancel),
        4 => (0..JOBS.len()).prop_map(Operation::Retry),
        3 => Just(Operation::RetryFailed),
        2 => (0..JOBS.len()).prop_map(Operation::MakeDue),
        1 => prop::bool::weighted(0.2).prop_map(Operation::Pause),
    ]
}
