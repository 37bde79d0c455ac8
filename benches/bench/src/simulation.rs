//! Simulates ECS with target tracking, second by second.
//!
//! The rules of AWS (Application Auto Scaling user guide, "Target tracking"):
//!
//! * Metrics are one-minute averages. A datapoint is available one minute after the end of its own minute.
//! * Three consecutive datapoints above the target start tasks. Fifteen consecutive datapoints below nine tenths of it
//!   remove tasks.
//! * A change is in proportion to the distance of the metric from the target.
//! * Of two policies, the one with more tasks wins. Tasks are removed only if both policies agree.

use crate::plan::Scaling;

/// Seconds from the scale-out to the first request of a task: placement, pull of two images of together some 20 MiB,
/// start, and two health checks of the balancer. An assumption: it was not measured in an AWS account.
pub const TASK_START: f64 = 75.0;

/// One second.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// Requests.
    pub asked: f64,
    /// Requests for which no CPU was left.
    pub refused: f64,
    /// Tasks that serve.
    pub tasks: u32,
}

const OUT_DATAPOINTS: usize = 3;
const IN_DATAPOINTS: usize = 15;
/// The lower alarm is below the target, so that tasks are not added and removed repeatedly.
const IN_MARGIN: f64 = 0.9;
/// Minutes until a datapoint is available.
const DELAY: usize = 1;

/// Runs `load` (requests per second, by second) from a steady state. `capacity` is the requests per second of a task.
pub fn run(
    settings: &Scaling,
    capacity: f64,
    seconds: usize,
    load: impl Fn(f64) -> f64,
) -> Vec<Moment> {
    let settled = (load(0.0) * 60.0 / settings.requests_per_target).ceil() as u32;
    let mut wanted = settled.clamp(settings.least, settings.most);
    let mut serving = wanted;
    let mut starting: Vec<(f64, u32)> = Vec::new();
    let (mut last_out, mut last_change) = (f64::NEG_INFINITY, f64::NEG_INFINITY);
    let mut points: Vec<[f64; 3]> = Vec::new();
    let mut moments: Vec<Moment> = Vec::with_capacity(seconds);
    for second in 0..seconds {
        let now = second as f64;
        starting.retain(|(ready, tasks)| {
            let is_ready = *ready <= now;
            serving += if is_ready { *tasks } else { 0 };
            !is_ready
        });
        let asked = load(now);
        let refused = (asked - f64::from(serving) * capacity).max(0.0);
        moments.push(Moment { asked, refused, tasks: serving });

        if second % 60 != 59 {
            continue;
        }
        points.push(datapoint(&moments[second - 59..], capacity));
        let known = &points[..points.len().saturating_sub(DELAY)];
        let targets = [settings.requests_per_target, settings.cpu_percent];
        let change = |policy: usize| change(known, policy, targets[policy]);
        let out = (0..2).filter_map(|policy| change(policy).out).max();
        if let Some(tasks) = out.map(|tasks| tasks.min(settings.most))
            && tasks > wanted
            && (now - last_out >= settings.out_cooldown)
        {
            starting.push((now + TASK_START, tasks - wanted));
            (wanted, last_out, last_change) = (tasks, now, now);
        } else if let (Some(one), Some(other)) = (change(0).less, change(1).less)
            && now - last_change >= settings.in_cooldown
            && starting.is_empty()
        {
            let tasks = one.max(other).clamp(settings.least, settings.most);
            if tasks < wanted {
                serving = tasks;
                (wanted, last_change) = (tasks, now);
            }
        }
    }
    moments
}

/// The requests per minute and the CPU percentage of a task, over a minute, and the number of tasks.
fn datapoint(minute: &[Moment], capacity: f64) -> [f64; 3] {
    let n = minute.len() as f64;
    let tasks = minute.iter().map(|moment| f64::from(moment.tasks)).sum::<f64>() / n;
    let asked = minute.iter().map(|moment| moment.asked).sum::<f64>();
    let served = minute.iter().map(|moment| moment.asked - moment.refused).sum::<f64>() / n;
    [asked / tasks, served / (tasks * capacity) * 100.0, tasks]
}

struct Change {
    out: Option<u32>,
    less: Option<u32>,
}

fn change(points: &[[f64; 3]], policy: usize, target: f64) -> Change {
    let last = |count: usize| points.len().checked_sub(count).map(|from| &points[from..]);
    // The number of tasks at the time of the metric. It does not include tasks that have started since then.
    let wanted = points.last().map_or(0.0, |point| point[2] * point[policy] / target);
    let in_proportion = (wanted - 1e-9).ceil() as u32;
    let all = |count, is: &dyn Fn(f64) -> bool| {
        last(count).is_some_and(|points| points.iter().all(|point| is(point[policy])))
    };
    Change {
        out: all(OUT_DATAPOINTS, &|metric| metric > target).then_some(in_proportion),
        less: all(IN_DATAPOINTS, &|metric| metric < target * IN_MARGIN).then_some(in_proportion),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: Scaling = Scaling {
        least: 2,
        most: 6,
        requests_per_target: 6000.0,
        cpu_percent: 60.0,
        out_cooldown: 60.0,
        in_cooldown: 300.0,
        vcpus: 0.25,
    };
    const CAPACITY: f64 = 5000.0;

    fn tasks_at(moments: &[Moment], minute: usize) -> u32 {
        moments[minute * 60].tasks
    }

    #[test]
    fn step_is_served_after_three_datapoints_and_start() {
        let moments =
            run(&SETTINGS, CAPACITY, 3600, |second| if second < 600.0 { 150.0 } else { 400.0 });
        assert_eq!(tasks_at(&moments, 12), 2, "two datapoints are not enough");
        assert_eq!(tasks_at(&moments, 16), 4);
        assert_eq!(tasks_at(&moments, 59), 4);
    }

    #[test]
    fn quiet_service_scales_in_after_a_quarter_of_an_hour() {
        let moments =
            run(&SETTINGS, CAPACITY, 3600, |second| if second < 600.0 { 600.0 } else { 50.0 });
        assert_eq!((tasks_at(&moments, 5), tasks_at(&moments, 24)), (6, 6));
        assert_eq!(tasks_at(&moments, 59), 2);
    }

    #[test]
    fn tasks_stay_below_maximum_and_rest_is_refused() {
        let moments = run(&SETTINGS, CAPACITY, 3600, |_| 40_000.0);
        assert!(moments.len() == 3600 && moments.iter().all(|moment| moment.tasks <= 6));
        assert!((moments[3599].refused - 10_000.0).abs() < 1.0);
    }
}
