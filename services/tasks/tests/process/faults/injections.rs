//! The faults. Each one is caused while users create tasks and jobs run, and ends when its effect was seen.

mod outages;
mod processes;
mod tasks;

use super::bed::Bed;
use super::broker::Act;
use super::callers::Callers;
use super::clock::FakeClock;
use fastrand::Rng;

/// A fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    Kills,
    Freezes,
    Crashes,
    CutConnections,
    FullResults,
    FullDatabase,
    ClockJumps,
    ThousandFailures,
    Poison,
    Drains,
    OpenTransaction,
    BrokerAway,
    BrokerSilent,
    BrokerPurged,
}

use Fault::{
    BrokerAway, BrokerPurged, BrokerSilent, ClockJumps, Crashes, CutConnections, Drains, Freezes,
    FullDatabase, FullResults, Kills, OpenTransaction, Poison, ThousandFailures,
};

impl Fault {
    /// All faults.
    pub(crate) const ALL: [Self; 14] = [
        Kills,
        Freezes,
        Crashes,
        CutConnections,
        FullResults,
        FullDatabase,
        ClockJumps,
        ThousandFailures,
        Poison,
        Drains,
        OpenTransaction,
        BrokerAway,
        BrokerSilent,
        BrokerPurged,
    ];

    /// The name in the table.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kills => "worker killed (SIGKILL)",
            Freezes => "worker frozen past its lease (SIGSTOP)",
            Crashes => "PostgreSQL crashed, and restarted",
            CutConnections => "connections to PostgreSQL cut",
            FullResults => "disk of results full",
            FullDatabase => "disk of the database full",
            ClockJumps => "clock jumps back and forward",
            ThousandFailures => "a thousand tasks that fail",
            Poison => "a task that kills its worker",
            Drains => "worker drained with running jobs",
            OpenTransaction => "transaction held open",
            BrokerAway => "broker not reachable",
            BrokerSilent => "broker silent",
            BrokerPurged => "messages of the broker lost",
        }
    }

    /// Whether the engine has it.
    pub(crate) fn exists_on(self, bed: &Bed) -> bool {
        match self {
            Crashes | CutConnections => bed.is_postgres(),
            FullDatabase => !bed.is_postgres(),
            BrokerAway | BrokerSilent | BrokerPurged => bed.broker.is_some(),
            _ => true,
        }
    }

    /// Why it cannot be caused on this machine.
    pub(crate) fn obstacle(self, bed: &Bed) -> Option<&'static str> {
        let has_disk = match self {
            FullResults => bed.results.disk().is_some(),
            FullDatabase => bed.state.disk().is_some(),
            _ => true,
        };
        if !has_disk {
            return Some("no file system can be mounted here");
        }
        let has_clock = self != ClockJumps || FakeClock::new().is_some();
        (!has_clock).then_some("the Debian package faketime is not installed")
    }

    /// Prepares the processes, before users create tasks.
    pub(crate) fn prepare(self, bed: &mut Bed) {
        if self == ClockJumps {
            let clock = FakeClock::new();
            if let Some(clock) = &clock {
                clock.set(tasks::BEGIN);
            }
            bed.restart(clock);
        }
    }

    /// Causes it. Returns how often.
    pub(crate) fn cause(self, bed: &mut Bed, callers: &Callers, random: &mut Rng) -> usize {
        match self {
            Kills => processes::kill(bed, callers, random),
            Freezes => processes::freeze(bed),
            Drains => processes::drain(bed, callers),
            Poison => processes::poison(bed, callers),
            Crashes => outages::crash(bed, callers),
            CutConnections => outages::cut(bed, callers, random),
            FullResults => outages::fill_results(bed, callers),
            FullDatabase => outages::fill_database(bed, callers),
            OpenTransaction => outages::hold(bed, callers),
            BrokerAway => outages::break_off(bed, callers, Act::Close),
            BrokerSilent => outages::break_off(bed, callers, Act::Silence),
            BrokerPurged => outages::purge(bed, callers),
            ThousandFailures => tasks::fail(bed, callers),
            ClockJumps => tasks::jump(bed, callers),
        }
    }

    /// Undoes what the tasks of the round still needed.
    pub(crate) fn undo(self, bed: &mut Bed) {
        if self == ClockJumps {
            bed.restart(None);
        }
    }
}
