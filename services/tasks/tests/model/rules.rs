//! The model: its bounds, the rules that it follows, and what it has seen.

use super::job::Job;
use super::state::{Process, State};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The failed runs after which a job fails.
pub(crate) const MAX_ATTEMPTS: u16 = 2;

/// A rule of the service. A test breaks one of them, to see that the model notices it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    OnlyTheLastFenceEnds,
    LeasesProtect,
    LostRunsAreTakenOver,
    CrashesAreCounted,
    LostRunsUseNoAttempt,
    CancelledTasksEnd,
    SuccessBeatsCancel,
    UsersTakeTurns,
    TurnsFollowTheLast,
    ClaimsPendingOnly,
    KnownRunsStay,
    RecordedFilesStay,
}

impl Rule {
    pub(crate) const ALL: [Self; 12] = [
        Self::OnlyTheLastFenceEnds,
        Self::LeasesProtect,
        Self::LostRunsAreTakenOver,
        Self::CrashesAreCounted,
        Self::LostRunsUseNoAttempt,
        Self::CancelledTasksEnd,
        Self::SuccessBeatsCancel,
        Self::UsersTakeTurns,
        Self::TurnsFollowTheLast,
        Self::ClaimsPendingOnly,
        Self::KnownRunsStay,
        Self::RecordedFilesStay,
    ];
}

/// Something rare that the model must reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    OldRunDropped,
    TakenOver,
    Poisoned,
    LastAttemptFailed,
    SuccessAfterCancel,
    CancelledWhileProcessing,
    GivenBack,
    RecordedAgain,
    HandedBack,
    Renewed,
    Retried,
}

impl Event {
    const ALL: [Self; 11] = [
        Self::OldRunDropped,
        Self::TakenOver,
        Self::Poisoned,
        Self::LastAttemptFailed,
        Self::SuccessAfterCancel,
        Self::CancelledWhileProcessing,
        Self::GivenBack,
        Self::RecordedAgain,
        Self::HandedBack,
        Self::Renewed,
        Self::Retried,
    ];
}

/// How often each event was seen.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen(Arc<[AtomicU64; Event::ALL.len()]>);

impl Seen {
    pub(crate) fn never(&self) -> Vec<Event> {
        let is_new = |event: &Event| self.0[*event as usize].load(Ordering::Relaxed) == 0;
        Event::ALL.into_iter().filter(is_new).collect()
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for event in Event::ALL {
            writeln!(f, "  {event:?}: {}", self.0[event as usize].load(Ordering::Relaxed))?;
        }
        Ok(())
    }
}

/// The work of some processes for some users.
#[derive(Debug, Clone)]
pub(crate) struct Work {
    /// The owner of each job, and whether it exists from the beginning.
    pub(crate) jobs: &'static [(u8, bool)],
    pub(crate) processes: usize,
    /// The slots of each process.
    pub(crate) slots: usize,
    /// The most faults and requests together.
    pub(crate) faults: u8,
    pub(crate) broken: Option<Rule>,
    pub(crate) seen: Seen,
}

impl Work {
    pub(crate) fn breaks(&self, rule: Rule) -> bool {
        self.broken == Some(rule)
    }

    pub(crate) fn saw(&self, event: Event) {
        self.seen.0[event as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn begin(&self) -> State {
        let jobs = self.jobs.iter().map(|(owner, exists)| Job::new(*owner, MAX_ATTEMPTS, *exists));
        let users = self.jobs.iter().map(|(owner, _)| usize::from(*owner) + 1).max().unwrap_or(0);
        State {
            jobs: jobs.collect(),
            open: Vec::new(),
            processes: vec![Process::default(); self.processes],
            turns: vec![0; users],
            passed: vec![0; users],
            faults: self.faults,
            breach: None,
        }
    }
}
