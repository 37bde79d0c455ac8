//! Simulates the autoscaling settings for a step, a ramp, a day, and a flood.

use std::f64::consts::PI;

use anyhow::Result;

use crate::plan::{Plan, Scaling};
use crate::plot;
use crate::section::Section;
use crate::simulation::{self, Moment, TASK_START};
use crate::table::{Table, whole};

/// The CPU time of a request on one vCPU, if nothing was measured yet.
const CPU_SECONDS: f64 = 60e-6;

/// A load: its name, the simulated seconds, and the requests of each second.
type Case = (&'static str, usize, fn(f64) -> f64);

const CASES: [Case; 4] = [
    ("step from 150 to 550 a second", 3600, |second| {
        if (600.0..2000.0).contains(&second) { 550.0 } else { 150.0 }
    }),
    ("ramp from 100 to 600 within 30 minutes", 5400, |second| {
        100.0 + 500.0 * ((second - 600.0) / 1800.0).clamp(0.0, 1.0)
    }),
    ("a day between 20 and 500 a second", 86_400, |second| {
        260.0 - 240.0 * (second / 86_400.0 * 2.0 * PI).cos()
    }),
    (
        "flood from 150 to 30,000 a second",
        3600,
        |second| {
            if second < 600.0 { 150.0 } else { 30_000.0 }
        },
    ),
];

/// Simulates all and saves the section `autoscale`.
pub fn run() -> Result<()> {
    let mut section = Section::new("Autoscaling, simulated");
    let settings = Plan::read()?.scaling()?;
    let measured = Section::read("throughput").and_then(|it| it.figure("sidecar → sum-api/cpu_us"));
    let cpu_seconds = measured.map_or(CPU_SECONDS, |micros| micros / 1e6);
    let capacity = settings.vcpus / cpu_seconds;
    section.add(format!(
        "The simulation uses the settings of the planned stack: {} to {} tasks of {} vCPU, with a target of {} requests a minute \
         or {} % CPU for each. It assumes that a new task serves after {TASK_START:.0} s, and that a request takes {:.0} µs of a \
         vCPU, so a task can serve {} requests a second. Three one-minute datapoints above the target scale out, and fifteen \
         below nine tenths of it scale in. Each datapoint is a minute late.",
        settings.least, settings.most, settings.vcpus, whole(settings.requests_per_target),
        settings.cpu_percent, cpu_seconds * 1e6, whole(capacity),
    ));
    let mut table =
        Table::new(&["", "tasks", "over its target for", "requests refused", "of all", "for"]);
    let mut pictures = Vec::new();
    for (title, seconds, load) in CASES {
        let moments = simulation::run(&settings, capacity, seconds, load);
        let asked: f64 = moments.iter().map(|moment| moment.asked).sum();
        let refused: f64 = moments.iter().map(|moment| moment.refused).sum();
        let tasks = moments.iter().map(|moment| moment.tasks);
        let (least, most) = (tasks.clone().min().unwrap_or(0), tasks.max().unwrap_or(0));
        let short = moments.iter().filter(|it| it.refused > 0.0).count() as f64 / 60.0;
        table.row([
            title.into(),
            format!("{least} – {most}"),
            catching_up(&moments, settings.requests_per_target / 60.0),
            whole(refused),
            format!("{:.1} %", refused / asked * 100.0),
            format!("{short:.1} min"),
        ]);
        pictures.push(picture(title, &settings, &moments)?);
    }
    section.show(table);
    section.add(pictures.join("\n"));
    section.save("autoscale")
}

/// The longest continuous time with more requests for each task than the target of the policy.
fn catching_up(moments: &[Moment], per_task: f64) -> String {
    let (mut longest, mut current) = (0, 0);
    for moment in moments {
        current =
            if moment.asked > per_task * f64::from(moment.tasks) * 1.001 { current + 1 } else { 0 };
        longest = longest.max(current);
    }
    let forever = current == longest && current > 1800;
    if forever { "to the end".into() } else { format!("{:.1} min", f64::from(longest) / 60.0) }
}

fn picture(title: &str, settings: &Scaling, moments: &[Moment]) -> Result<String> {
    let step = (moments.len() / 720).max(1);
    let line = |value: &dyn Fn(&Moment) -> f64| {
        let each = moments.iter().enumerate().step_by(step);
        each.map(|(second, moment)| (second as f64 / 60.0, value(moment))).collect()
    };
    let per_task = settings.requests_per_target / 60.0;
    let lines = [
        ("asked", line(&|moment| moment.asked)),
        ("tasks × target", line(&|moment| f64::from(moment.tasks) * per_task)),
        ("refused, no CPU left", line(&|moment| moment.refused)),
    ];
    let name = title.trim_start_matches("a ").split(' ').next().unwrap_or_default();
    plot::lines(&format!("autoscale-{name}"), title, &lines)
}
