//! Evaluates alarms on replayed metric series, as CloudWatch does.
//!
//! An alarm that has never fired is untested, and AWS cannot replay metrics. So this module reads the alarms from a
//! plan and replays hours of metrics in milliseconds. `ops alarms` prints the table of alarms, or the changes of state
//! that a series file causes. The tests in `ops/tests` compare the alarms of the real stack with scenarios. The drill
//! evaluates its recorded metrics.
//!
//! Each module names the AWS page that it implements: statistics ([`sample`]), metric math ([`math`]), M of N and
//! missing data ([`evaluate`]), composite alarms (composite.rs). Only the features that the alarms use are implemented.
//! Other functions of metric math and other composite rules are refused. Not implemented: delays of delivery,
//! high-resolution periods, anomaly detection, Metrics Insights and action suppression.

#![expect(clippy::doc_markdown, reason = "CloudWatch is a name, not code")]

pub mod alarm;
mod composite;
pub mod emf;
pub mod evaluate;
pub mod math;
pub mod metric;
pub mod replay;
pub mod sample;
pub mod scenario;
pub mod table;

use std::path::PathBuf;

use evaluate::State;
use scenario::Scenario;

use crate::plan::Plan;

/// Arguments of the command.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Plan to read: the output of `terraform show -json` or `cargo xtask plan-json`
    #[arg(long, value_name = "FILE")]
    plan: PathBuf,
    /// Scenario to replay (ops/tests/data/README.md); without it, list the alarms
    #[arg(long, value_name = "FILE")]
    series: Option<PathBuf>,
}

/// Runs the command; `Ok(false)` means that an alarm with actions was in ALARM.
pub fn run(args: &Args) -> anyhow::Result<bool> {
    let alarms = alarm::alarms(&Plan::read(&args.plan)?)?;
    let Some(series) = &args.series else {
        print!("{}", table::table(&alarms));
        return Ok(true);
    };
    let scenario = Scenario::read(series)?;
    println!("{}", scenario.about);
    let minutes = scenario.watched();
    let changes = replay::replay(&alarms, &scenario.store()?, minutes)?;
    let tells = |name: &str| alarms.iter().any(|a| a.name == name && !a.alarm_actions.is_empty());
    let mut quiet = true;
    for change in changes.iter().filter(|c| c.minute >= 0) {
        println!("minute {:>5}  {:<18} {}", change.minute, change.to, change.alarm);
        quiet &= change.to != State::Alarm || !tells(&change.alarm);
    }
    Ok(quiet)
}
