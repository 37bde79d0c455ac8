//! Replays the recorded seconds against the applied alarms.
//!
//! A second of the drill counts as a minute of `CloudWatch`: a minute is sixty times shorter. Rates keep their values.
//! 75 minutes of healthy seconds precede the incident, and 75 follow the recovery. They fill windows of an hour.

use std::fmt;

use anyhow::Context as _;

use super::recorder::Second;
use crate::alarms::alarm::{Alarm, Kind, alarms};
use crate::alarms::evaluate::State;
use crate::alarms::metric::{MetricId, Store};
use crate::alarms::replay::replay;
use crate::alarms::sample::Sample;
use crate::plan::Plan;
use crate::testbed::Testbed;

/// Healthy minutes before the incident, and after the recovery.
const AROUND: i64 = 75;

/// The applied alarms, and the dimensions of the recorded metrics.
#[derive(Debug)]
pub(super) struct Alarms {
    applied: Vec<Alarm>,
    balancer: String,
    group: String,
    service: String,
}

/// When an alarm fired, and when it returned to OK.
#[derive(Debug, Clone, Copy)]
pub(super) struct Verdict {
    /// Minutes from the start of the incident to ALARM.
    pub(super) alarm: i64,
    /// Minutes from the recovery to OK.
    pub(super) ok: Option<i64>,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "after {} min of metrics, ", self.alarm)?;
        match self.ok {
            Some(minutes) => write!(f, "OK {minutes} min after the recovery"),
            None => write!(f, "and stays in ALARM"),
        }
    }
}

impl Alarms {
    /// Reads the alarms that were applied.
    pub(super) async fn read(testbed: &Testbed) -> anyhow::Result<Self> {
        let plan = Plan::parse(&testbed.plan_json().await?)
            .context("cannot read the applied stack as a plan")?;
        let suffix = |arn: &str, from: &str| {
            arn.rsplit_once(from).map(|(_, s)| s.to_owned()).context("an ARN has no suffix")
        };
        Ok(Self {
            applied: alarms(&plan)?,
            balancer: suffix(&testbed.applied.arn, ":loadbalancer/")?,
            group: suffix(&testbed.group.arn, ":")?,
            service: suffix(&testbed.names.1, "/")?,
        })
    }

    pub(super) fn len(&self) -> usize {
        self.applied.len()
    }

    /// Replays healthy seconds, the incident with its recovery, and healthy seconds again.
    pub(super) fn replay(
        &self,
        name: &str,
        health: &[Second],
        incident: &[Second],
        recovered: usize,
    ) -> anyhow::Result<Option<Verdict>> {
        let mut store = Store::default();
        let length = i64::try_from(incident.len())?;
        let before = (-AROUND..0).zip(health.iter().cycle());
        let after = (length..length + AROUND).zip(health.iter().cycle());
        for (minute, second) in before.chain((0..).zip(incident)).chain(after) {
            self.push(&mut store, minute, second)?;
        }
        self.verdict(name, &store, -AROUND..length + AROUND, i64::try_from(recovered)?)
    }

    /// Replays one daily value: a good one the day before, a bad one in the incident, a good one a day later.
    pub(super) fn replay_daily(
        &self,
        name: &str,
        metric: &str,
        bad: f64,
        good: f64,
    ) -> anyhow::Result<Option<Verdict>> {
        let id = match &self.alarm(name)?.kind {
            Kind::Metric(alarm) => alarm.metrics.values().find(|m| m.id.name == metric),
            Kind::Composite(_) => None,
        };
        let id = &id.with_context(|| format!("{name} does not watch {metric}"))?.id;
        let mut store = Store::default();
        for (minute, value) in [(-1440, good), (0, bad), (1440, good)] {
            store.push(id, minute, &[Sample { value, count: 1.0 }]);
        }
        self.verdict(name, &store, -10..2900, 0)
    }

    fn verdict(
        &self,
        name: &str,
        store: &Store,
        minutes: std::ops::Range<i64>,
        recovered: i64,
    ) -> anyhow::Result<Option<Verdict>> {
        let full = &self.alarm(name)?.name;
        // A composite alarm needs its children. Their names begin with its name.
        let family: Vec<_> =
            self.applied.iter().filter(|a| a.name.starts_with(full)).cloned().collect();
        let changes = replay(&family, store, minutes)?;
        let mut own = changes.iter().filter(|c| c.alarm == *full && c.minute >= 0);
        let Some(alarm) = own.find(|c| c.to == State::Alarm) else { return Ok(None) };
        let ok = own.rfind(|c| c.to == State::Ok).map(|c| (c.minute - recovered).max(0));
        Ok(Some(Verdict { alarm: alarm.minute + 1, ok }))
    }

    fn alarm(&self, name: &str) -> anyhow::Result<&Alarm> {
        let end = format!("-{name}");
        let found = self.applied.iter().find(|alarm| alarm.name.ends_with(&end));
        found.with_context(|| format!("no alarm {name} was applied"))
    }

    fn push(&self, store: &mut Store, minute: i64, second: &Second) -> anyhow::Result<()> {
        let balancer = format!("LoadBalancer={}", self.balancer);
        let both = format!("{balancer} TargetGroup={}", self.group);
        let service = format!("ClusterName={0} ServiceName={0}", self.service);
        let one = |value: f64| vec![Sample { value, count: 1.0 }];
        let gauge = |value: usize| one(f64::from(u32::try_from(value).unwrap_or(u32::MAX)));
        // A count of n is n samples of 1. A balancer without requests reports no data point.
        let count = |number: u32| match number {
            0 => vec![],
            _ => vec![Sample { value: 1.0, count: f64::from(number) }],
        };
        let [good, bad, failed] = second.target;
        let latencies = second.latencies.iter().map(|value| Sample { value: *value, count: 1.0 });
        for (namespace, metric, dimensions, samples) in [
            ("AWS/ApplicationELB", "HTTPCode_Target_2XX_Count", &balancer, count(good)),
            ("AWS/ApplicationELB", "HTTPCode_Target_4XX_Count", &balancer, count(bad)),
            ("AWS/ApplicationELB", "HTTPCode_Target_5XX_Count", &balancer, count(failed)),
            ("AWS/ApplicationELB", "HTTPCode_ELB_5XX_Count", &balancer, count(second.elb_5xx)),
            ("AWS/ApplicationELB", "RequestCount", &both, count(good + bad + failed)),
            ("AWS/ApplicationELB", "TargetResponseTime", &balancer, latencies.collect()),
            ("AWS/ApplicationELB", "HealthyHostCount", &both, gauge(second.hosts.0)),
            ("AWS/ApplicationELB", "UnHealthyHostCount", &both, gauge(second.hosts.1)),
            ("ECS/ContainerInsights", "RunningTaskCount", &service, gauge(second.running)),
            ("ECS/ContainerInsights", "DesiredTaskCount", &service, gauge(second.desired)),
            ("AWS/ECS", "MemoryUtilization", &service, second.memory.map(one).unwrap_or_default()),
        ] {
            let id = MetricId::parse(&format!("{namespace} {metric} {dimensions}"))?;
            store.push(&id, minute, &samples);
        }
        for datum in &second.sidecar {
            store.push(&datum.id, minute, &one(datum.value));
        }
        Ok(())
    }
}
