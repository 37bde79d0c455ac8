//! The steps of every incident: inject, hold, mitigate, check.
//!
//! The drill records metrics and requests all the time. The checks use the recorded data afterwards.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::time::{sleep, sleep_until};

use super::alarms::{Alarms, Verdict};
use super::event;
use super::incident::{Alarm, Callers, Incident, Injected, Observed, Over};
use super::record::{Figure, Row};
use super::recorder::{Recorder, Second};
use crate::task::definition::TaskDefinition;
use crate::task::running::Running;
use crate::testbed::key::Key;
use crate::testbed::load::Load;
use crate::testbed::report::Report;
use crate::testbed::{Testbed, TestbedArgs};

/// The number of callers. Together they reach the alarms' minimum of requests; each stays below its rate limit.
const CALLERS: usize = 16;

/// The warm-up, and then the length of the healthy recording.
const HEALTH: Duration = Duration::from_secs(4);

/// No request failed since the start of the incident.
const UNNOTICED: Figure = Figure::NotMeasured("no request failed");

/// A recovery needs this time without a failed request.
const RECOVERY: Duration = Duration::from_secs(3);
/// The limit for a recovery.
const PATIENCE: Duration = Duration::from_secs(45);

/// The stack under load, and its recorded metrics.
pub(super) struct Drill {
    pub(super) testbed: Testbed,
    /// The task definition of the release that works.
    pub(super) definition: TaskDefinition,
    pub(super) recorder: Recorder,
    /// The key of a client that calls in one incident only.
    pub(super) flooder: Key,
    load: Load,
    alarms: Alarms,
    health: Vec<Second>,
}

/// An incident that was mitigated.
struct Course {
    incident: Incident,
    observed: Option<Observed>,
    begun: Instant,
    mitigated: Instant,
    /// Seconds of the mitigation, or why it failed.
    mitigation: anyhow::Result<f32>,
}

impl Drill {
    /// Starts the stack and the load.
    pub(super) async fn start(
        args: &TestbedArgs,
        folder: &Path,
        report: &mut Report,
    ) -> anyhow::Result<Self> {
        report.part("the stack");
        let (mut testbed, _) = Testbed::up(args, folder, report).await?;
        let callers = (0..CALLERS).map(|n| format!("caller-{n}"));
        let clients: Vec<String> = callers.chain(["flooder".to_owned()]).collect();
        let mut keys = testbed.add_keys(&clients).await?;
        let flooder = keys.pop().context("no key was created")?;
        let definition = testbed.definition().await?;
        testbed.service.deploy(&definition).await?;
        report.attempt("terraform apply succeeds", testbed.applied().await);
        let alarms = Alarms::read(&testbed).await?;
        report.note(&format!(
            "{} applied alarms; a second of the drill counts as a minute of CloudWatch",
            alarms.len()
        ));
        // ECS waits for this delay. The drill does not test draining, so a short delay is enough.
        testbed.service.deregistration_delay = Duration::from_secs(2);
        let recorder = Recorder::start(testbed.balancer.clone(), testbed.service.desired);
        recorder.watch(&testbed.service.tasks);
        let load = Load::start(testbed.tunnel(), &keys, &testbed.call, testbed.call.calm_rate())?;
        sleep(HEALTH).await;
        let from = Instant::now();
        sleep(HEALTH).await;
        let health = recorder.between(from, Instant::now());
        Ok(Self { testbed, definition, recorder, flooder, load, alarms, health })
    }

    /// The containers of this name, one in each task.
    pub(super) fn containers(&self, name: &str) -> Vec<&Running> {
        self.testbed.service.tasks.iter().filter_map(|l| l.task.container(name)).collect()
    }

    /// Drills incidents at the same time.
    pub(super) async fn run(
        &mut self,
        incidents: impl Iterator<Item = &Incident>,
        report: &mut Report,
    ) -> anyhow::Result<Vec<Row>> {
        let mut going_on = Vec::new();
        for incident in incidents {
            let name = incident.name;
            report.part(&format!("{name}: {}", incident.what));
            if let Some(reason) = (incident.impossible)(self) {
                report.skip(&format!("drill {name}"), reason);
                continue;
            }
            let injected = (incident.inject)(self).await;
            going_on.push((*incident, injected.with_context(|| format!("cannot cause {name}"))?));
        }
        let end = |(incident, injected): &(Incident, Injected)| {
            injected.begun + Duration::from_secs(incident.hold)
        };
        going_on.sort_by_key(end);
        let mut courses = Vec::new();
        for course in going_on {
            sleep_until(end(&course).into()).await;
            let (incident, Injected { begun, observed, mitigate }) = course;
            let mitigated = Instant::now();
            let mitigation = mitigate(self).await.map(|()| mitigated.elapsed().as_secs_f32());
            self.recorder.watch(&self.testbed.service.tasks);
            courses.push(Course { incident, observed, begun, mitigated, mitigation });
        }
        let mut recovered = Vec::new();
        for course in &courses {
            recovered.push(match (&course.mitigation, course.incident.over) {
                (Err(_), _) => None,
                (Ok(seconds), Over::Mitigated) => Some(Figure::Measured(*seconds)),
                (Ok(_), Over::Served) => self.recovery(course).await,
            });
        }
        let ended = Instant::now();
        let mut rows = Vec::new();
        for (course, recovered) in courses.iter().zip(recovered) {
            rows.extend(self.judge(course, recovered, ended, report).await?);
        }
        Ok(rows)
    }

    /// The time from the mitigation to the first of three seconds in a row without a failed request.
    async fn recovery(&self, course: &Course) -> Option<Figure> {
        let begun = Instant::now();
        let mut clean_from = course.mitigated;
        while begun.elapsed() < PATIENCE {
            let requests = self.load.since(clean_from);
            if let Some(last) = requests.iter().filter(|r| r.failure.is_some()).map(|r| r.due).max()
            {
                clean_from = last + Duration::from_millis(1);
            } else if clean_from.elapsed() >= RECOVERY && !requests.is_empty() {
                let seconds = clean_from.duration_since(course.mitigated).as_secs_f32();
                let failed = self.load.since(course.begun).iter().any(|r| r.failure.is_some());
                // Without a failed request there is no recovery to measure.
                return Some(if failed { Figure::Measured(seconds) } else { UNNOTICED });
            }
            sleep(Duration::from_millis(500)).await;
        }
        None
    }

    async fn judge(
        &self,
        course: &Course,
        recovered: Option<Figure>,
        ended: Instant,
        report: &mut Report,
    ) -> anyhow::Result<Vec<Row>> {
        let Course { incident, observed, begun, mitigated, mitigation } = course;
        let (name, observed) = (incident.name, observed.as_ref());
        let seconds = self.recorder.between(*begun, ended);
        let shown = seconds.iter().position(|second| (incident.shows)(second));
        let shown = shown.and_then(|second| i64::try_from(second).ok()).map(|second| second + 1);
        let sign = observed.map_or(shown.is_some(), |observed| observed.good);
        let found = observed.map_or(incident.sign.1, |observed| &observed.text);
        report.check(&format!("{name}: {}", incident.sign.0), sign, found);

        let requests = self.load.since(*begun);
        let failed = requests.iter().filter(|request| request.failure.is_some()).count();
        let mut good = sign && recovered.is_some();
        if let Callers::DoNotNotice(check) = incident.callers {
            // Without any request the check proves nothing, so it fails.
            let unnoticed = failed == 0 && !requests.is_empty();
            let found = format!("{failed} of {} failed", requests.len());
            report.check(&format!("{name}: {check}"), unnoticed, &found);
            good &= unnoticed;
        }
        let found = mitigation.as_ref().err().map(|error| format!("{error:#}"));
        let found = found.unwrap_or_else(|| incident.recovery.1.to_owned());
        report.check(&format!("{name}: {}", incident.recovery.0), recovered.is_some(), &found);

        let until = recovered.map_or(ended, |figure| {
            let after = if let Figure::Measured(seconds) = figure { seconds } else { 0.0 };
            *mitigated + Duration::from_secs_f32(after)
        });
        let until = self.recorder.between(*begun, until).len();
        let noticed = observed.map(|observed| Figure::Measured(observed.after));
        let signal = noticed.or(shown.map(|second| Figure::Measured(real(second))));
        let mut rows = Vec::new();
        for (section, alarm) in incident.alarms {
            let mut row = Row {
                name,
                section,
                signal,
                alarm: "none",
                detected: Some(Figure::NotMeasured("no alarm fires")),
                recovered,
                over: "–".to_owned(),
                failed: (incident.callers != Callers::AreElsewhere)
                    .then_some((failed, requests.len())),
                good,
            };
            let fired = match *alarm {
                Alarm::None => true,
                Alarm::Event(rule) => {
                    row.alarm = "event";
                    // The emulated ECS sends its event at the first sign.
                    row.detected = signal;
                    let reason = observed.map_or("", |observed| &observed.text);
                    let heard = event::matching_rules(&self.testbed, rule, reason).await?;
                    let heard_by_it = heard.iter().any(|name| name.ends_with(rule));
                    let check = format!("{name}: the event matches its rule {rule}");
                    report.check(&check, heard_by_it, &heard.join(", "));
                    heard_by_it
                }
                Alarm::Metric(alarm) => {
                    row.alarm = alarm;
                    let verdict = self.alarms.replay(alarm, &self.health, &seconds, until)?;
                    // The time to the first sign is in real seconds. Each further period of the alarm is a minute.
                    let waits = |v: Verdict| {
                        shown.map(|s| Figure::Computed(real(s) + 60.0 * real((v.alarm - s).max(0))))
                    };
                    row.signal = shown.map(|second| Figure::Measured(real(second)));
                    row.detected = verdict.and_then(waits);
                    let back = verdict.and_then(|verdict| verdict.ok);
                    row.over = back.map_or(row.over, |minutes| format!("{minutes} min"));
                    let found = verdict.map_or("it did not fire".to_owned(), |v| v.to_string());
                    let check = format!("{name}: {alarm} fires, and returns to OK");
                    report.check(&check, back.is_some(), &found);
                    back.is_some()
                }
                Alarm::Daily(alarm, metric, bad, well) => {
                    row.alarm = alarm;
                    let verdict = self.alarms.replay_daily(alarm, metric, bad, well)?;
                    row.detected =
                        verdict.map(|_| Figure::NotMeasured("the drill supplies the daily metric"));
                    "with the next daily metric".clone_into(&mut row.over);
                    let back = verdict.is_some_and(|verdict| verdict.ok.is_some());
                    let found = verdict.map_or("it did not fire".to_owned(), |v| v.to_string());
                    let check =
                        format!("{name}: {alarm} fires {bad} days before, and returns to OK");
                    report.check(&check, back, &found);
                    back
                }
            };
            row.good &= fired;
            rows.push(row);
        }
        let first = rows.first().cloned();
        let further = incident.also.iter().copied().zip(first.into_iter().cycle());
        rows.extend(further.map(|(section, row)| Row { section, ..row }));
        Ok(rows)
    }
}

/// Converts seconds. A drill takes less than 2^15 seconds.
fn real(seconds: i64) -> f32 {
    i16::try_from(seconds).map_or(f32::MAX, f32::from)
}
