//! The transactions of the model, as `store/statements` has them: a claim, and the end of a run.

use super::job::{Ending, Job};
use super::rules::{Event, Rule, Work};
use super::state::{Breach, Open, Run, State};
use tasks::model::run::CRASHES_MAX;
use tasks::model::task::Status;

impl Work {
    /// The user whose turn it is, and the due job with the first place.
    fn next(&self, state: &State) -> Option<(usize, usize)> {
        let first = |user: usize| {
            let is_first = |job: &Job| {
                usize::from(job.owner) == user
                    && (job.is_due() || self.breaks(Rule::ClaimsPendingOnly) && job.is_processing())
            };
            state.jobs.iter().position(is_first).map(|job| (user, job))
        };
        let turn = |user: usize| {
            if self.breaks(Rule::UsersTakeTurns) { 0 } else { state.turns[user] }
        };
        let users = (0..state.turns.len()).filter_map(first);
        users.min_by_key(|(user, _)| (turn(*user), *user))
    }

    pub(crate) fn can_claim(&self, state: &State) -> bool {
        self.next(state).is_some()
    }

    /// Claims a job for a process.
    pub(crate) fn claim(&self, state: &mut State, worker: usize) -> Option<Run> {
        let (user, id) = self.next(state)?;
        for other in 0..state.turns.len() {
            let is_due =
                state.jobs.iter().any(|job| usize::from(job.owner) == other && job.is_due());
            let is_passed = other != user && is_due;
            state.passed[other] = if is_passed { state.passed[other] + 1 } else { 0 };
        }
        state.turns[user] = self.last_turn(state, user) + 1;
        let before = state.jobs[id].fence;
        state.jobs[id].begin();
        let run = Run { job: id, fence: state.jobs[id].fence };
        state.breach = (run.fence <= before).then_some(Breach::FenceRepeated);
        state.open.push(Open { run, worker: Some(worker), is_over: false });
        Some(run)
    }

    /// The last turn of the users with waiting jobs, due or not.
    fn last_turn(&self, state: &State, user: usize) -> u8 {
        if self.breaks(Rule::TurnsFollowTheLast) {
            return state.turns[user];
        }
        let waiting = state.jobs.iter().filter(|job| job.is_pending());
        waiting.map(|job| state.turns[usize::from(job.owner)]).max().unwrap_or(0)
    }

    /// Ends a run. `expired`: only if its lease is over. `false` if nothing changed.
    pub(crate) fn end(&self, state: &mut State, run: Run, result: Ending, expired: bool) -> bool {
        let open = state.open.iter().position(|open| open.run == run);
        let is_last = state.jobs[run.job].fence == run.fence;
        let is_over = open.is_some_and(|open| state.open[open].is_over);
        if expired && !is_over && !self.breaks(Rule::LeasesProtect) {
            return false;
        }
        if (!is_last || open.is_none()) && !self.breaks(Rule::OnlyTheLastFenceEnds) {
            return false;
        }
        if expired && !is_over {
            state.breach = Some(Breach::LeaseIgnored);
        }
        if !is_last || open.is_none() {
            state.breach = Some(Breach::OldRunEnded);
        }
        if let Some(open) = open {
            state.open.remove(open);
        }
        let before = state.jobs[run.job];
        let job = &mut state.jobs[run.job];
        job.finish(result);
        self.disturb(&before, job, result);
        state.breach = state.breach.or_else(|| breach(&before, job, result));
        self.observe(&before, job, result);
        true
    }

    /// Changes the end of a run as a broken rule would.
    fn disturb(&self, before: &Job, job: &mut Job, result: Ending) {
        if self.breaks(Rule::CrashesAreCounted) && result == Ending::Lost && !before.is_cancelled {
            *job = Job { crashes: 0, status: Status::Pending, is_finished: false, ..*job };
        }
        if self.breaks(Rule::LostRunsUseNoAttempt) && result == Ending::Lost {
            job.attempts = before.attempts;
        }
        if self.breaks(Rule::CancelledTasksEnd) && result == Ending::HandedBack {
            *job = Job { status: Status::Pending, is_finished: false, ..*job };
        }
        if self.breaks(Rule::SuccessBeatsCancel) && before.is_cancelled {
            job.status = Status::Cancelled;
        }
    }

    fn observe(&self, before: &Job, job: &Job, result: Ending) {
        match (result, job.status) {
            (Ending::Lost, Status::Failed) => self.saw(Event::Poisoned),
            (Ending::Failure, Status::Failed) => self.saw(Event::LastAttemptFailed),
            (Ending::Success, _) if before.is_cancelled => self.saw(Event::SuccessAfterCancel),
            (_, Status::Cancelled) => self.saw(Event::CancelledWhileProcessing),
            _ => {}
        }
    }
}

/// The rule that the end of a run broke.
fn breach(before: &Job, job: &Job, result: Ending) -> Option<Breach> {
    let may_fail = job.losses >= CRASHES_MAX || job.failures >= job.max_attempts;
    match (result, job.status) {
        (Ending::Success, Status::Completed) if job.attempts == job.failures + 1 => None,
        (Ending::Success, Status::Completed) => Some(Breach::WrongAttempts),
        (Ending::Success, _) => Some(Breach::SuccessDropped),
        (_, status) if before.is_cancelled && status != Status::Cancelled => {
            Some(Breach::CancelForgotten)
        }
        (_, Status::Failed) if !may_fail => Some(Breach::FailedEarly),
        (_, Status::Failed) if job.attempts != job.failures => Some(Breach::WrongAttempts),
        _ => None,
    }
}
