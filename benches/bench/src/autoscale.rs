//! What the autoscaling settings make of a step, a ramp, a day, and a flood.

use std::f64::consts::PI;

use anyhow::Result;

use crate::plot::{self, Axis, Line};
use crate::section::Section;
use crate::settings::Settings;
use crate::simulation::{self, Moment, World};
use crate::table::{Table, whole};

/// Placing, pulling two images of together some 20 MiB, starting, and two health checks of the balancer.
/// An assumption: no account was there to measure it in.
const TASK_START: f64 = 75.0;
/// What a request costs on one vCPU when nothing was measured yet.
const CPU_SECONDS: f64 = 60e-6;

struct Case {
    name: &'static str,
    file: &'static str,
    seconds: usize,
    load: fn(f64) -> f64,
}

const CASES: [Case; 4] = [
    Case {
        name: "step from 150 to 550 a second",
        file: "autoscale-step",
        seconds: 3600,
        load: |second| if (600.0..2000.0).contains(&second) { 550.0 } else { 150.0 },
    },
    Case {
        name: "ramp from 100 to 600 within 30 minutes",
        file: "autoscale-ramp",
        seconds: 5400,
        load: |second| 100.0 + 500.0 * ((second - 600.0) / 1800.0).clamp(0.0, 1.0),
    },
    Case {
        name: "a day between 20 and 500 a second",
        file: "autoscale-day",
        seconds: 86_400,
        load: |second| 260.0 - 240.0 * (second / 86_400.0 * 2.0 * PI).cos(),
    },
    Case {
        name: "flood from 150 to 30,000 a second",
        file: "autoscale-flood",
        seconds: 3600,
        load: |second| if second < 600.0 { 150.0 } else { 30_000.0 },
    },
];

/// Simulates all and saves the section `autoscale`.
pub fn run() -> Result<()> {
    let mut section = Section::new("Autoscaling, simulated");
    let settings = Settings::read()?;
    let measured = Section::read("throughput").and_then(|it| it.figure("sidecar → sum-api/cpu_us"));
    let cpu_seconds = measured.map_or(CPU_SECONDS, |micros| micros / 1e6);
    let world = World { task_start: TASK_START, cpu_seconds };
    let capacity = settings.vcpus / cpu_seconds;
    section.add(format!(
        "The settings of `terraform/service/autoscaling.tf`: {} to {} tasks of {} vCPU, {} requests a minute or {} % CPU for each. \
         Assumed: a task serves {TASK_START:.0} s after it is wanted; a request takes {:.0} µs of a vCPU, so a task can do {} \
         a second. CloudWatch as AWS describes it: three one-minute datapoints above the target to scale out, fifteen below \
         nine tenths of it to scale in, each a minute late.",
        settings.least, settings.most, settings.vcpus, whole(settings.requests_per_target),
        settings.cpu_percent, cpu_seconds * 1e6, whole(capacity),
    ));
    let mut table =
        Table::new(&["", "tasks", "over its target for", "requests refused", "of all", "for"]);
    let mut pictures = Vec::new();
    for case in CASES {
        let moments = simulation::run(&settings, &world, case.seconds, case.load);
        let asked: f64 = moments.iter().map(|moment| moment.asked).sum();
        let refused: f64 = moments.iter().map(|moment| moment.refused).sum();
        let tasks = moments.iter().map(|moment| moment.tasks);
        let (least, most) = (tasks.clone().min().unwrap_or(0), tasks.max().unwrap_or(0));
        table.row([
            case.name.into(),
            format!("{least} – {most}"),
            catching_up(&moments, settings.requests_per_target / 60.0),
            whole(refused),
            format!("{:.1} %", refused / asked * 100.0),
            format!(
                "{:.1} min",
                moments.iter().filter(|it| it.refused > 0.0).count() as f64 / 60.0
            ),
        ]);
        pictures.push(picture(&case, &settings, &moments)?);
    }
    println!("{table}");
    section.add(table);
    section.add(pictures.join("\n"));
    section.save("autoscale")
}

/// The longest time in a row with more requests for each task than the policy aims at.
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

fn picture(case: &Case, settings: &Settings, moments: &[Moment]) -> Result<String> {
    let step = (moments.len() / 720).max(1);
    let line = |name: &str, value: &dyn Fn(&Moment) -> f64| Line {
        name: name.into(),
        points: moments
            .iter()
            .enumerate()
            .step_by(step)
            .map(|(second, moment)| (second as f64 / 60.0, value(moment)))
            .collect(),
    };
    let per_task = settings.requests_per_target / 60.0;
    plot::lines(
        case.file,
        case.name,
        Axis::linear("minutes"),
        Axis::linear("requests/s"),
        &[
            line("asked", &|moment| moment.asked),
            line("tasks × target", &|moment| f64::from(moment.tasks) * per_task),
            line("refused for want of CPU", &|moment| moment.refused),
        ],
    )
}
