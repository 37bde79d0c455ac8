//! Records the metrics of every second, as `CloudWatch` would receive them.
//!
//! The load balancer's metrics come from the log lines and statistics of the emulated balancer, under the names of AWS.
//! The sidecar's metrics come from the records in Embedded Metric Format in its log. The recorder counts the running
//! tasks, and reads their memory from their control groups.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::task::JoinHandle;
use tokio::time::interval;

use crate::alarms::emf::{Datum, Record};
use crate::balancer::Balancer;
use crate::task::cgroup;
use crate::task::log::Log;
use crate::task::running::Watch;
use crate::testbed::service::Live;

/// All metrics of one second.
#[derive(Debug, Clone, Default)]
pub(super) struct Second {
    /// `HTTPCode_Target_2XX_Count`, `…4XX…`, `…5XX…`.
    pub(super) target: [u32; 3],
    /// `HTTPCode_ELB_5XX_Count`.
    pub(super) elb_5xx: u32,
    /// `TargetResponseTime`, seconds.
    pub(super) latencies: Vec<f64>,
    /// `HealthyHostCount` and `UnHealthyHostCount`.
    pub(super) hosts: (usize, usize),
    /// `RunningTaskCount` and `DesiredTaskCount`.
    pub(super) running: usize,
    pub(super) desired: usize,
    /// `MemoryUtilization` of the fullest task, percent.
    pub(super) memory: Option<f64>,
    /// The metrics in the log lines of the sidecars.
    pub(super) sidecar: Vec<Datum>,
}

impl Second {
    /// Sum of a metric over all sidecars and routes.
    pub(super) fn sidecars(&self, name: &str) -> f64 {
        self.sidecar.iter().filter(|d| d.id.name == name).map(|d| d.value).sum()
    }
}

/// The logs and control groups of the running tasks.
#[derive(Debug, Default)]
struct Sources {
    sidecars: Vec<(Log, usize)>,
    alive: Vec<(Watch, Option<PathBuf>)>,
    /// Whether the sidecars' lines are lost before `CloudWatch`.
    lost: bool,
}

/// Records until it is dropped.
#[derive(Debug)]
pub(super) struct Recorder {
    clock: JoinHandle<()>,
    seconds: Arc<Mutex<Vec<(Instant, Second)>>>,
    sources: Arc<Mutex<Sources>>,
}

impl Recorder {
    /// Delivers the sidecars' lines to `CloudWatch` from now on, or drops them.
    pub(super) fn deliver_logs(&self, deliver: bool) {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner).lost = !deliver;
    }

    /// Starts to record a service with this number of desired tasks.
    pub(super) fn start(balancer: Arc<Balancer>, desired: usize) -> Self {
        let seconds: Arc<Mutex<Vec<(Instant, Second)>>> = Arc::default();
        let sources: Arc<Mutex<Sources>> = Arc::default();
        let (written, read) = (seconds.clone(), sources.clone());
        let clock = tokio::spawn(async move {
            let mut clock = interval(Duration::from_secs(1));
            let mut first = balancer.log.len();
            loop {
                clock.tick().await;
                let mut second = Second {
                    desired,
                    hosts: balancer.counts().await.unwrap_or_default(),
                    ..Second::default()
                };
                for line in balancer.log.from(first) {
                    first += 1;
                    count_request(&line, &mut second);
                }
                look_at_tasks(
                    &mut read.lock().unwrap_or_else(PoisonError::into_inner),
                    &mut second,
                );
                written
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push((Instant::now(), second));
            }
        });
        Self { clock, seconds, sources }
    }

    /// Watches these tasks, in addition to the tasks that it watches already.
    pub(super) fn watch(&self, tasks: &[Live]) {
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        sources.alive.retain(|(watch, _)| watch.running());
        for task in tasks.iter().map(|live| &live.task) {
            let watch = task.watch();
            if sources.alive.iter().any(|(known, _)| known.same(&watch)) {
                continue;
            }
            if let Some(nginx) = task.container("nginx") {
                sources.sidecars.push((nginx.log.clone(), 0));
            }
            sources.alive.push((watch, task.cgroup.clone()));
        }
    }

    /// The seconds that ended in this period.
    pub(super) fn between(&self, from: Instant, to: Instant) -> Vec<Second> {
        let seconds = self.seconds.lock().unwrap_or_else(PoisonError::into_inner);
        seconds.iter().filter(|(at, _)| (from..to).contains(at)).map(|(_, s)| s.clone()).collect()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.clock.abort();
    }
}

/// Counts a line of the balancer's log. A 5xx without a response from a target is an error of the balancer.
fn count_request(line: &str, second: &mut Second) {
    let Ok(line) = serde_json::from_str::<Value>(line) else { return };
    let forwarded = matches!(line["group"].as_str(), Some("targets" | "fail-open"));
    let (Some(status), Some(answered)) = (line["status"].as_u64(), line["target_ms"].as_i64())
    else {
        return;
    };
    if !forwarded {
        return;
    }
    if answered < 0 {
        second.elb_5xx += u32::from(status >= 500);
        return;
    }
    second.latencies.push(Duration::from_millis(answered.unsigned_abs()).as_secs_f64());
    match status {
        200..300 => second.target[0] += 1,
        400..500 => second.target[1] += 1,
        500..600 => second.target[2] += 1,
        _ => {}
    }
}

fn look_at_tasks(sources: &mut Sources, second: &mut Second) {
    for (log, read) in &mut sources.sidecars {
        for line in log.from(*read) {
            *read += 1;
            if sources.lost {
                continue;
            }
            // Other lines, such as nginx's error messages, have no metrics.
            if let Ok(Some(record)) = Record::read(&line) {
                second.sidecar.extend(record.data);
            }
        }
    }
    for (watch, group) in sources.alive.iter().filter(|(watch, _)| watch.running()) {
        second.running += usize::from(watch.running());
        let used = group.as_deref().and_then(cgroup::usage);
        let percent = used.map(|(used, most)| percent(used, most));
        second.memory = second.memory.into_iter().chain(percent).reduce(f64::max);
    }
}

#[expect(clippy::cast_precision_loss, reason = "bytes of a task are far below 2^52")]
fn percent(used: u64, most: u64) -> f64 {
    100.0 * used as f64 / most as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_count_for_the_target_or_the_balancer_that_sent_them() {
        let mut second = Second::default();
        for (status, target_ms, group) in [
            (200, 3, "targets"),
            (502, 1, "targets"),
            (503, -1, "targets"),
            (504, 6001, "fail-open"),
            (404, -1, "listener-443"),
        ] {
            count_request(
                &format!(
                    r#"{{"alb":1,"status":{status},"group":"{group}","target_ms":{target_ms}}}"#
                ),
                &mut second,
            );
        }
        assert_eq!((second.target, second.elb_5xx), ([1, 0, 2], 1));
        assert_eq!(second.latencies.len(), 3);
    }
}
