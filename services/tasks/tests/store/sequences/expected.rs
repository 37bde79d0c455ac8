//! The state that the store must have after some operations: the rules of claims and ends, without SQL.

use std::collections::BTreeMap;
use std::time::Duration;
use tasks::model::run::{End, Outcome, Run};
use tasks::model::task::{Priority, Status, Task, TaskId};
use tasks::model::timestamp::Timestamp;
use tasks::model::user::UserId;

/// The lease of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lease {
    /// Over a millisecond later.
    Over,
    /// Longer than every test.
    Long,
}

impl Lease {
    pub(super) fn duration(self) -> Duration {
        if self == Self::Over { Duration::ZERO } else { Duration::from_hours(1) }
    }
}

struct Claim {
    run: Run,
    lease: Lease,
    outcome: Option<Outcome>,
}

/// The tasks with their runs, and the turns of their owners.
pub(super) struct Expected {
    pub(super) tasks: Vec<Task>,
    pub(super) paused: bool,
    claims: Vec<Claim>,
    turns: BTreeMap<UserId, i64>,
}

/// The members of a task that do not depend on the time of an operation.
pub(super) fn facts(task: &Task) -> impl PartialEq + std::fmt::Debug {
    let Task { summary, runs, .. } = task;
    let times = (
        summary.run_at.is_some(),
        summary.cancel_requested_at.is_some(),
        summary.started_at.is_some(),
        summary.finished_at.is_some(),
    );
    let counts = (summary.attempts, summary.version, runs.fence, runs.crashes);
    let rest = (summary.status, summary.error.clone(), summary.has_result, runs.result.clone());
    (summary.id, counts, times, rest)
}

/// The place of a job among those of its owner. A priority is worth ten minutes.
fn place(task: &Task) -> (i64, TaskId) {
    let minutes = match task.summary.priority {
        Priority::Low => 0,
        Priority::Normal => 10,
        Priority::High => 20,
        Priority::Urgent => 30,
    };
    (task.due().as_millis() - minutes * 60_000, task.summary.id)
}

impl Expected {
    pub(super) fn new(tasks: Vec<Task>) -> Self {
        let turns = tasks.iter().map(|task| (task.summary.user_id, 0)).collect();
        Self { tasks, paused: false, claims: Vec::new(), turns }
    }

    /// The run at a place, counted from the last claim.
    pub(super) fn run(&self, place: usize) -> Option<Run> {
        self.claims.iter().rev().nth(place).map(|claim| claim.run)
    }

    pub(super) fn claim(&mut self, lease: Lease, now: Timestamp) -> Option<Run> {
        let waiting = || self.tasks.iter().filter(|task| task.is_pending_job() && !self.paused);
        let due = || waiting().filter(|task| task.due() <= now).map(|task| task.summary.user_id);
        let user = due().min_by_key(|user| (self.turns[user], *user))?;
        let last = waiting().map(|task| self.turns[&task.summary.user_id]).max()?;
        self.turns.insert(user, last + 1);
        let is_due = |task: &&mut Task| {
            task.summary.user_id == user && task.is_pending_job() && task.due() <= now
        };
        let task = self.tasks.iter_mut().filter(is_due).min_by_key(|task| place(task))?;
        task.begin(now);
        let run = task.run();
        self.claims.push(Claim { run, lease, outcome: None });
        Some(run)
    }

    fn open(&mut self, run: Run) -> Option<&mut Claim> {
        self.claims.iter_mut().find(|claim| claim.run == run && claim.outcome.is_none())
    }

    /// `false` if the run has ended.
    pub(super) fn renew(&mut self, run: Run, lease: Lease) -> bool {
        self.open(run).map(|claim| claim.lease = lease).is_some()
    }

    pub(super) fn is_expired(&mut self, run: Run) -> bool {
        self.open(run).is_some_and(|claim| claim.lease == Lease::Over)
    }

    /// `false` if the run has ended, or with `expired`, if its lease is not over.
    pub(super) fn end(&mut self, run: Run, end: End, expired: bool, now: Timestamp) -> bool {
        if expired && !self.is_expired(run) {
            return false;
        }
        let Some(claim) = self.open(run) else { return false };
        claim.outcome = Some(end.outcome());
        let mut tasks = self.tasks.iter_mut();
        let task = tasks.find(|task| task.run() == run).expect("only the last run can be open");
        task.finish(end, now);
        true
    }

    pub(super) fn retry_failed(&mut self, now: Timestamp) -> u64 {
        let failed = self.tasks.iter_mut().filter(|task| task.summary.status == Status::Failed);
        let retried = failed.map(|task| {
            task.retry(None).unwrap();
            task.touch(now);
        });
        retried.count() as u64
    }

    /// How the runs of a task ended, the first one first.
    pub(super) fn outcomes(&self, task: TaskId) -> Vec<Option<Outcome>> {
        let runs = self.claims.iter().filter(|claim| claim.run.task == task);
        runs.map(|claim| claim.outcome).collect()
    }

    /// The tasks that are pending, processing and failed.
    pub(super) fn counts(&self) -> (u64, u64, u64) {
        let count =
            |status| self.tasks.iter().filter(|task| task.summary.status == status).count() as u64;
        (count(Status::Pending), count(Status::Processing), count(Status::Failed))
    }

    /// The number of the last event of each user.
    pub(super) fn last_events(&self) -> Vec<(UserId, i64)> {
        let number = |user: UserId| {
            let own = self.tasks.iter().filter(|task| task.summary.user_id == user);
            (user, own.map(|task| task.summary.version).sum())
        };
        self.turns.keys().copied().map(number).collect()
    }
}
