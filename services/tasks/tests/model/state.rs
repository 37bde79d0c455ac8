//! A state of the model: the rows of the database, and what each process knows.

use super::job::{Ending, Job};

/// Everything that decides what can happen next.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct State {
    pub(crate) jobs: Vec<Job>,
    /// The runs without an end in the database.
    pub(crate) open: Vec<Open>,
    pub(crate) processes: Vec<Process>,
    /// The turn of each user.
    pub(crate) turns: Vec<u8>,
    /// How often each user with a due job was passed over since its last claim.
    pub(crate) passed: Vec<u8>,
    /// The faults that can still happen.
    pub(crate) faults: u8,
    /// A rule that the last step broke.
    pub(crate) breach: Option<Breach>,
}

/// A run of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Run {
    pub(crate) job: usize,
    pub(crate) fence: u8,
}

/// A run without an end in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Open {
    pub(crate) run: Run,
    /// The process that claimed it. `None`: it has ended.
    pub(crate) worker: Option<usize>,
    /// Its lease is over.
    pub(crate) is_over: bool,
}

/// A process. After a crash or a drain, another one with a new name takes its place.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub(crate) struct Process {
    pub(crate) is_frozen: bool,
    pub(crate) is_draining: bool,
    pub(crate) slots: Vec<Slot>,
}

/// A run that a process knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Slot {
    pub(crate) run: Run,
    /// The end that is not recorded yet. `None`: the job runs.
    pub(crate) result: Option<Ending>,
}

/// A step that must never happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Breach {
    /// A claim did not raise the fence.
    FenceRepeated,
    /// A run that is not the last one ended the task.
    OldRunEnded,
    /// A worker was taken for lost although its lease was not over.
    LeaseIgnored,
    /// The success of the last run was not recorded as a success.
    SuccessDropped,
    /// A task whose cancellation was requested has ended neither with success nor as cancelled.
    CancelForgotten,
    /// The file of a completed task was deleted.
    FileDeleted,
    /// A task failed without three crashes and without its last attempt.
    FailedEarly,
    /// An attempt was counted wrongly.
    WrongAttempts,
    /// A process handed a run back that it runs.
    RunHandedBack,
}

impl State {
    pub(crate) fn opened(&self, run: Run) -> Option<&Open> {
        self.open.iter().find(|open| open.run == run)
    }

    /// Whether a process that is awake knows the run of a row, and renews its lease.
    pub(crate) fn is_kept(&self, open: &Open) -> bool {
        let worker = open.worker.map(|worker| &self.processes[worker]);
        worker.is_some_and(|worker| !worker.is_frozen && worker.knows(open.run))
    }

    /// Another process takes the place of one that has ended. Nobody gives its runs back.
    pub(crate) fn replace(&mut self, process: usize) {
        self.processes[process] = Process::default();
        for open in &mut self.open {
            open.worker = open.worker.filter(|worker| *worker != process);
        }
    }

    /// Makes states with the same future equal.
    pub(crate) fn normalize(&mut self) {
        for process in 0..self.processes.len() {
            let Process { is_draining, slots, .. } = &mut self.processes[process];
            slots.sort_unstable();
            if *is_draining && slots.is_empty() {
                self.replace(process);
            }
        }
        // A claim only compares turns, and adds one to the largest.
        let least = self.turns.iter().min().copied().unwrap_or(0);
        self.turns.iter_mut().for_each(|turn| *turn -= least);
        for job in 0..self.jobs.len() {
            self.renumber(job);
        }
        let may_be_retried = self.faults > 0;
        self.jobs.iter_mut().for_each(|job| job.forget(may_be_retried));
        self.open.sort_unstable();
        self.sort_processes();
    }

    /// Puts the processes in one order: their names mean nothing.
    fn sort_processes(&mut self) {
        let mut order: Vec<_> = (0..self.processes.len()).collect();
        let own = |process: usize| {
            let is_own = move |open: &&Open| open.worker == Some(process);
            self.open.iter().filter(is_own).map(|open| open.run).collect::<Vec<_>>()
        };
        order.sort_by_cached_key(|process| (self.processes[*process].clone(), own(*process)));
        let place = |worker: usize| order.iter().position(|process| *process == worker);
        for open in &mut self.open {
            open.worker = open.worker.and_then(place);
        }
        self.processes = order.iter().map(|process| self.processes[*process].clone()).collect();
    }

    /// Numbers the fences of a job from 0. They are only compared, and a claim makes one that is larger than all.
    fn renumber(&mut self, id: usize) {
        let Self { jobs, open, processes, .. } = self;
        let job = &mut jobs[id];
        let slots = processes.iter_mut().flat_map(|process| &mut process.slots);
        let runs = slots.map(|slot| &mut slot.run).chain(open.iter_mut().map(|open| &mut open.run));
        let mut fences: Vec<_> =
            runs.filter(|run| run.job == id).map(|run| &mut run.fence).collect();
        fences.extend(&mut job.result);
        fences.push(&mut job.fence);
        let mut order: Vec<_> = fences.iter().map(|fence| **fence).collect();
        order.sort_unstable();
        order.dedup();
        for fence in fences {
            let place = order.iter().position(|other| other == fence);
            *fence = u8::try_from(place.unwrap()).unwrap();
        }
    }
}

impl Process {
    pub(crate) fn knows(&self, run: Run) -> bool {
        self.slots.iter().any(|slot| slot.run == run)
    }

    /// It has work that a fault can disturb.
    pub(crate) fn is_busy(&self) -> bool {
        !self.slots.is_empty()
    }
}
