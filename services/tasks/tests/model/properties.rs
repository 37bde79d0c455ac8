//! The properties of all states.

use super::rules::Work;
use super::state::{Breach, State};
use super::steps::Step;
use stateright::{Model, Property};
use tasks::model::run::CRASHES_MAX;
use tasks::model::task::Status;

impl Model for Work {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![self.begin()]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        steps.extend(self.steps(state));
    }

    fn next_state(&self, state: &State, step: Step) -> Option<State> {
        Some(self.after(state, step))
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            always("completed once", |_, state| {
                state.jobs.iter().all(|job| {
                    job.successes <= 1 && (job.successes == 1) == (job.status == Status::Completed)
                })
            }),
            always("open run while processing", |_, state| one_open_run(state)),
            always("attempts are the failed runs", |_, state| {
                state.breach != Some(Breach::WrongAttempts) && attempts_are_exact(state)
            }),
            always("third crash is the last", |_, state| {
                let may_run = |losses| losses < CRASHES_MAX;
                state.jobs.iter().all(|job| {
                    job.crashes == job.losses && (job.has_ended() || may_run(job.losses))
                })
            }),
            always("request to cancel is kept", |_, state| {
                state.breach != Some(Breach::CancelForgotten)
                    && state.jobs.iter().all(|job| !job.is_pending() || !job.is_cancelled)
            }),
            always("ended task has a time", |_, state| {
                state.jobs.iter().all(|job| job.is_finished == job.has_ended())
            }),
            always("user waits for each other user once", |_, state| {
                state.passed.iter().all(|passed| usize::from(*passed) < state.turns.len())
            }),
            always("every task ends", |work, state| {
                state.jobs.iter().all(|job| job.exists && job.has_ended())
                    || state.breach.is_some()
                    || !work.steps(state).is_empty()
            }),
            always("claim raises the fence", |_, state| {
                state.breach != Some(Breach::FenceRepeated)
            }),
            always("only the last fence ends", |_, state| {
                state.breach != Some(Breach::OldRunEnded)
            }),
            always("lease protects its worker", |_, state| {
                state.breach != Some(Breach::LeaseIgnored)
            }),
            always("success wins", |_, state| state.breach != Some(Breach::SuccessDropped)),
            always("file of a result stays", |_, state| state.breach != Some(Breach::FileDeleted)),
            always("task fails for a reason", |_, state| state.breach != Some(Breach::FailedEarly)),
            always("run in a process stays", |_, state| {
                state.breach != Some(Breach::RunHandedBack)
            }),
        ]
    }
}

fn always(name: &'static str, holds: fn(&Work, &State) -> bool) -> Property<Work> {
    Property::always(name, holds)
}

/// A task that is processing has one open run, the last one. Others have none.
fn one_open_run(state: &State) -> bool {
    state.jobs.iter().enumerate().all(|(id, job)| {
        let open: Vec<_> = state.open.iter().filter(|open| open.run.job == id).collect();
        match open[..] {
            [] => !job.is_processing(),
            [open] => job.is_processing() && open.run.fence == job.fence,
            _ => false,
        }
    })
}

fn attempts_are_exact(state: &State) -> bool {
    state.jobs.iter().all(|job| {
        let is_exact = match job.status {
            Status::Pending => job.attempts == job.failures,
            Status::Processing => job.attempts == job.failures + 1,
            Status::Completed | Status::Failed | Status::Cancelled => true,
        };
        is_exact && job.attempts <= job.max_attempts
    })
}
