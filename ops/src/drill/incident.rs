//! What an incident is.

use std::fmt;
use std::pin::Pin;
use std::time::Instant;

use super::procedure::Drill;
use super::recorder::Second;

/// A step of an incident.
pub(super) type Step<'a, T = ()> = Pin<Box<dyn Future<Output = anyhow::Result<T>> + 'a>>;

/// An incident of the runbook: everything that is known of it, and how it is caused.
#[derive(Debug, Clone, Copy)]
pub(super) struct Incident {
    /// Name on the command line and in the table.
    pub(super) name: &'static str,
    /// What is done.
    pub(super) what: &'static str,
    /// Why this system cannot have it.
    pub(super) impossible: fn(&Drill) -> Option<&'static str>,
    /// Causes it.
    pub(super) inject: for<'a> fn(&'a mut Drill) -> Step<'a, Injected>,
    /// Seconds until it is mitigated.
    pub(super) hold: u64,
    /// The check of its first sign, and what that is.
    pub(super) sign: (&'static str, &'static str),
    /// Whether a second of metrics shows it.
    pub(super) shows: fn(&Second) -> bool,
    /// What must go off, each with the section of the runbook that it leads to.
    pub(super) alarms: &'static [(&'static str, Alarm)],
    /// Further sections of the runbook that the incident drills, as the first alarm does.
    pub(super) also: &'static [&'static str],
    /// What callers with keys see of it.
    pub(super) callers: Callers,
    /// The check of the recovery, and the mitigation.
    pub(super) recovery: (&'static str, &'static str),
    /// When it is over.
    pub(super) over: Over,
}

pub(super) const SIGN: &str = "the sign appears";
pub(super) const RECOVERED: &str = "recovered";

impl Incident {
    /// What many incidents have in common.
    pub(super) const COMMON: Self = Self {
        name: "",
        what: "",
        impossible: |_| None,
        inject: |_| Box::pin(async { Ok(Injected::now(|_| Box::pin(async { Ok(()) }))) }),
        hold: 0,
        sign: (SIGN, ""),
        shows: |_| false,
        alarms: &[],
        also: &[],
        callers: Callers::Fail,
        recovery: (RECOVERED, ""),
        over: Over::Served,
    };
}

/// An incident that goes on.
pub(super) struct Injected {
    /// When it began.
    pub(super) begun: Instant,
    /// What somebody sees of it who looks at no metric.
    pub(super) observed: Option<Observed>,
    /// Ends it, as the section of the runbook says.
    pub(super) mitigate: Box<dyn for<'a> FnOnce(&'a mut Drill) -> Step<'a>>,
}

impl Injected {
    /// One that begins now.
    pub(super) fn now(mitigate: impl for<'a> FnOnce(&'a mut Drill) -> Step<'a> + 'static) -> Self {
        Self { begun: Instant::now(), observed: None, mitigate: Box::new(mitigate) }
    }

    /// One that goes on for as long as this value is there.
    pub(super) fn while_held(cause: impl fmt::Debug + 'static) -> Self {
        Self::now(|_| {
            drop(cause);
            Box::pin(async { Ok(()) })
        })
    }
}

/// What was seen without a metric.
#[derive(Debug, Clone)]
pub(super) struct Observed {
    /// Seconds from the beginning.
    pub(super) after: f32,
    /// Whether it is what must be seen.
    pub(super) good: bool,
    /// What was said.
    pub(super) text: String,
}

/// What goes off.
#[derive(Debug, Clone, Copy)]
pub(super) enum Alarm {
    /// Nothing may.
    None,
    /// An alarm on metrics, without the stack's prefix.
    Metric(&'static str),
    /// An alarm on a figure of each day: the metric, its value in the incident, and after it.
    Daily(&'static str, &'static str, f64, f64),
    /// A rule for events of ECS, without the stack's prefix.
    Event(&'static str),
}

/// What callers with keys see of an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Callers {
    /// Requests may fail.
    Fail,
    /// No request may fail; the name of the check.
    DoNotNotice(&'static str),
    /// They take another way.
    AreElsewhere,
}

pub(super) const DO_NOT_NOTICE: Callers = Callers::DoNotNotice("callers with keys do not notice");

/// When an incident is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Over {
    /// With the first of some seconds in which no request failed.
    Served,
    /// With the mitigation.
    Mitigated,
}
