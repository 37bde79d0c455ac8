//! The steps of the model: what processes, callers and faults do.

use super::job::Ending;
use super::rules::{Event, Rule, Work};
use super::state::{Breach, Open, Process, Run, Slot, State};
use tasks::model::task::Status;

/// A step. A process is meant by its place, a slot by its place in the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Creates {
        job: usize,
    },
    Claims {
        process: usize,
    },
    /// The response of the claim is lost.
    ClaimsUnheard {
        process: usize,
    },
    /// Gives back what it has claimed without knowing it.
    GivesBack {
        process: usize,
        run: Run,
    },
    /// The job of a slot ends, or stops because it was told to.
    Ends {
        process: usize,
        slot: usize,
        result: Ending,
    },
    /// The process stops a job whose run has ended in the database.
    Drops {
        process: usize,
        slot: usize,
    },
    Records {
        process: usize,
        slot: usize,
    },
    /// The response of the record is lost.
    RecordsUnheard {
        process: usize,
        slot: usize,
    },
    Renews {
        process: usize,
    },
    LeaseEnds {
        run: Run,
    },
    TakesOver {
        run: Run,
    },
    Crashes {
        process: usize,
    },
    Freezes {
        process: usize,
    },
    Wakes {
        process: usize,
    },
    Drains {
        process: usize,
    },
    Cancels {
        job: usize,
    },
    Retries {
        job: usize,
    },
    RetriesAll,
    BecomesDue {
        job: usize,
    },
}

impl Step {
    fn is_fault(self) -> bool {
        use Step::{
            Cancels, ClaimsUnheard, Crashes, Drains, Freezes, RecordsUnheard, Retries, RetriesAll,
        };
        matches!(
            self,
            ClaimsUnheard { .. }
                | RecordsUnheard { .. }
                | Crashes { .. }
                | Freezes { .. }
                | Drains { .. }
                | Cancels { .. }
                | Retries { .. }
                | RetriesAll
        )
    }
}

impl Work {
    /// The steps that can happen next.
    pub(crate) fn steps(&self, state: &State) -> Vec<Step> {
        let mut steps = Vec::new();
        if state.breach.is_some() {
            return steps;
        }
        Self::steps_of_jobs(state, &mut steps);
        self.steps_of_leases(state, &mut steps);
        for (id, process) in state.processes.iter().enumerate() {
            if process.is_frozen {
                steps.push(Step::Wakes { process: id });
            } else {
                self.steps_of_process(state, id, process, &mut steps);
            }
        }
        steps.retain(|step| state.faults > 0 || !step.is_fault());
        steps
    }

    fn steps_of_jobs(state: &State, steps: &mut Vec<Step>) {
        for (id, job) in state.jobs.iter().enumerate() {
            if !job.exists {
                steps.push(Step::Creates { job: id });
                continue;
            }
            if job.waits && job.is_pending() {
                steps.push(Step::BecomesDue { job: id });
            }
            if state.faults > 0 && job.clone().cancel() {
                steps.push(Step::Cancels { job: id });
            }
            if state.faults > 0 && job.clone().retry() {
                steps.push(Step::Retries { job: id });
            }
        }
        let failed = state.jobs.iter().filter(|job| job.status == Status::Failed);
        if failed.count() > 1 {
            steps.push(Step::RetriesAll);
        }
    }

    fn steps_of_leases(&self, state: &State, steps: &mut Vec<Step>) {
        let is_awake = state.processes.iter().any(|process| !process.is_frozen);
        for open in &state.open {
            if !open.is_over && !state.is_kept(open) {
                steps.push(Step::LeaseEnds { run: open.run });
            }
            let may_take = open.is_over || self.breaks(Rule::LeasesProtect);
            if may_take && is_awake && !self.breaks(Rule::LostRunsAreTakenOver) {
                steps.push(Step::TakesOver { run: open.run });
            }
        }
    }

    fn steps_of_process(&self, state: &State, id: usize, process: &Process, steps: &mut Vec<Step>) {
        if !process.is_draining && process.slots.len() < self.slots && self.can_claim(state) {
            steps.extend([Step::Claims { process: id }, Step::ClaimsUnheard { process: id }]);
        }
        let is_own = |open: &&Open| open.worker == Some(id);
        let is_unknown =
            |open: &&Open| !process.knows(open.run) || self.breaks(Rule::KnownRunsStay);
        let unknown = state.open.iter().filter(is_own).filter(is_unknown);
        steps.extend(unknown.map(|open| Step::GivesBack { process: id, run: open.run }));
        let is_late = |open: &Open| open.is_over && process.knows(open.run);
        if state.open.iter().any(is_late) {
            steps.push(Step::Renews { process: id });
        }
        for (place, slot) in process.slots.iter().enumerate() {
            Self::steps_of_slot(state, id, process, (place, slot), steps);
        }
        if process.is_busy() {
            steps.extend([Step::Crashes { process: id }, Step::Freezes { process: id }]);
            if !process.is_draining {
                steps.push(Step::Drains { process: id });
            }
        }
    }

    fn steps_of_slot(
        state: &State,
        process: usize,
        owner: &Process,
        (slot, Slot { run, result }): (usize, &Slot),
        steps: &mut Vec<Step>,
    ) {
        if result.is_some() {
            let (heard, unheard) =
                (Step::Records { process, slot }, Step::RecordsUnheard { process, slot });
            return steps.extend([heard, unheard]);
        }
        let mut results = vec![Ending::Success, Ending::Failure];
        if owner.is_draining {
            results.push(Ending::HandedBack);
        }
        if state.opened(*run).is_none() {
            steps.push(Step::Drops { process, slot });
        } else if state.jobs[run.job].is_cancelled {
            results.push(Ending::Cancelled);
        }
        steps.extend(results.into_iter().map(|result| Step::Ends { process, slot, result }));
    }

    /// The state after a step.
    pub(crate) fn after(&self, state: &State, step: Step) -> State {
        let mut next = state.clone();
        next.faults -= u8::from(step.is_fault());
        self.take(&mut next, step);
        next.normalize();
        next
    }

    fn take(&self, state: &mut State, step: Step) {
        match step {
            Step::Creates { job } => state.jobs[job].exists = true,
            Step::Claims { process } => {
                let run = self.claim(state, process).expect("the step was possible");
                state.processes[process].slots.push(Slot { run, result: None });
            }
            Step::ClaimsUnheard { process } => drop(self.claim(state, process)),
            Step::GivesBack { process, run } => {
                let is_known = state.processes[process].knows(run);
                self.end(state, run, Ending::HandedBack, false);
                self.saw(Event::GivenBack);
                state.breach = is_known.then_some(Breach::RunHandedBack).or(state.breach);
            }
            Step::Ends { process, slot, result } => {
                state.processes[process].slots[slot].result = Some(result);
            }
            Step::Drops { process, slot } => drop(state.processes[process].slots.remove(slot)),
            Step::Records { process, slot } => {
                let slot = state.processes[process].slots.remove(slot);
                self.record(state, slot);
            }
            Step::RecordsUnheard { process, slot } => {
                let Slot { run, result } = state.processes[process].slots[slot];
                self.end(state, run, result.expect("the step was possible"), false);
            }
            Step::Renews { process } => self.renew(state, process),
            Step::LeaseEnds { run } => {
                state
                    .open
                    .iter_mut()
                    .filter(|open| open.run == run)
                    .for_each(|open| open.is_over = true);
            }
            Step::TakesOver { run } => {
                self.end(state, run, Ending::Lost, true);
                self.saw(Event::TakenOver);
            }
            Step::Crashes { process } => state.replace(process),
            Step::Freezes { process } => state.processes[process].is_frozen = true,
            Step::Wakes { process } => state.processes[process].is_frozen = false,
            Step::Drains { process } => state.processes[process].is_draining = true,
            Step::Cancels { job } => drop(state.jobs[job].cancel()),
            Step::Retries { job } => drop(state.jobs[job].retry()),
            Step::RetriesAll => self.retry_all(state),
            Step::BecomesDue { job } => state.jobs[job].waits = false,
        }
    }

    /// Records the end of a run, and hears the answer.
    fn record(&self, state: &mut State, Slot { run, result }: Slot) {
        let result = result.expect("the step was possible");
        if self.end(state, run, result, false) {
            if result == Ending::HandedBack {
                self.saw(Event::HandedBack);
            }
            return;
        }
        let is_recorded = state.jobs[run.job].result == Some(run.fence);
        self.saw(if is_recorded { Event::RecordedAgain } else { Event::OldRunDropped });
        if is_recorded && self.breaks(Rule::RecordedFilesStay) {
            state.breach = Some(Breach::FileDeleted);
        }
    }

    fn renew(&self, state: &mut State, process: usize) {
        let State { open, processes, .. } = state;
        for open in open.iter_mut().filter(|open| processes[process].knows(open.run)) {
            open.is_over = false;
        }
        self.saw(Event::Renewed);
    }

    fn retry_all(&self, state: &mut State) {
        for job in state.jobs.iter_mut().filter(|job| job.status == Status::Failed) {
            job.retry();
        }
        self.saw(Event::Retried);
    }
}
