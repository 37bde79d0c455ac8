//! The type of an incident.

use std::fmt;
use std::pin::Pin;
use std::time::Instant;

use super::procedure::Drill;
use super::recorder::Second;

/// A step of an incident.
pub(super) type Step<'a, T = ()> = Pin<Box<dyn Future<Output = anyhow::Result<T>> + 'a>>;

/// An incident of the runbook: its cause, its signs, its mitigation and the expected results.
#[derive(Debug, Clone, Copy)]
pub(super) struct Incident {
    /// Name on the command line and in the table.
    pub(super) name: &'static str,
    /// The action that causes it.
    pub(super) what: &'static str,
    /// Why the drill cannot cause it on this machine.
    pub(super) impossible: fn(&Drill) -> Option<&'static str>,
    /// Causes it.
    pub(super) inject: for<'a> fn(&'a mut Drill) -> Step<'a, Injected>,
    /// Seconds from its start to its mitigation.
    pub(super) hold: u64,
    /// The name of the check of its first sign, and the sign.
    pub(super) sign: (&'static str, &'static str),
    /// Whether a second of metrics shows the sign.
    pub(super) shows: fn(&Second) -> bool,
    /// The alarms that must fire, each with its section of the runbook.
    pub(super) alarms: &'static [(&'static str, Alarm)],
    /// Further sections of the runbook that the incident drills, with the results of the first alarm.
    pub(super) also: &'static [&'static str],
    /// Its effect on callers with keys.
    pub(super) callers: Callers,
    /// The name of the check of the recovery, and the mitigation.
    pub(super) recovery: (&'static str, &'static str),
    /// When the recovery is complete.
    pub(super) over: Over,
}

pub(super) const SIGN: &str = "the sign appears";
pub(super) const RECOVERED: &str = "recovered";

impl Incident {
    /// The values that most incidents share.
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

/// An incident in progress.
pub(super) struct Injected {
    /// When it began.
    pub(super) begun: Instant,
    /// Its sign outside the metrics.
    pub(super) observed: Option<Observed>,
    /// Ends it with the steps of the runbook's section.
    pub(super) mitigate: Box<dyn for<'a> FnOnce(&'a mut Drill) -> Step<'a>>,
}

impl Injected {
    /// An incident that begins now.
    pub(super) fn now(mitigate: impl for<'a> FnOnce(&'a mut Drill) -> Step<'a> + 'static) -> Self {
        Self { begun: Instant::now(), observed: None, mitigate: Box::new(mitigate) }
    }

    /// An incident that lasts until this value is dropped.
    pub(super) fn while_held(cause: impl fmt::Debug + 'static) -> Self {
        Self::now(|_| {
            drop(cause);
            Box::pin(async { Ok(()) })
        })
    }
}

/// A sign outside the metrics, for example an error message.
#[derive(Debug, Clone)]
pub(super) struct Observed {
    /// Seconds from the start of the incident.
    pub(super) after: f32,
    /// Whether it is the expected sign.
    pub(super) good: bool,
    /// Its text.
    pub(super) text: String,
}

/// An alarm that an incident must cause.
#[derive(Debug, Clone, Copy)]
pub(super) enum Alarm {
    /// No alarm may fire.
    None,
    /// An alarm on metrics, without the stack's prefix.
    Metric(&'static str),
    /// An alarm on a daily value: the alarm, the metric, its value in the incident, and its value after it.
    Daily(&'static str, &'static str, f64, f64),
    /// A rule for events of ECS, without the stack's prefix.
    Event(&'static str),
}

/// The effect of an incident on callers with keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Callers {
    /// Requests may fail.
    Fail,
    /// No request may fail. The value is the name of the check.
    DoNotNotice(&'static str),
    /// Their requests take a path that the incident does not touch.
    AreElsewhere,
}

pub(super) const DO_NOT_NOTICE: Callers = Callers::DoNotNotice("no request with a valid key fails");

/// When the recovery of an incident is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Over {
    /// At the first of three seconds in a row without a failed request.
    Served,
    /// At the end of the mitigation.
    Mitigated,
}
