//! Alarms as CloudWatch evaluates them, held against replayed metric series.
//!
//! An alarm that nobody has seen going off is a hope. AWS offers no way to try one out, so this reads
//! the alarms from a plan and replays hours of metrics through them in milliseconds. `ops alarms`
//! prints the table of alarms, or what a series file does to them; the tests in `ops/tests` hold the
//! real stack's alarms to a set of scenarios, and the drill asks it what a drill's signals would do.
//!
//! What is implemented is documented by AWS, and each module names the page: statistics ([`sample`]),
//! metric math ([`math`], [`compute`]), M of N and missing data ([`evaluate`]), composite rules
//! ([`rule`]). What is left out, each module says; the list: delays of delivery, high-resolution
//! periods, anomaly detection, Metrics Insights, action suppression, `AT_LEAST`, and functions of
//! metric math that no alarm here uses. Those are refused, never guessed at.

#![expect(clippy::doc_markdown, reason = "CloudWatch is a name, not code")]

pub mod alarm;
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
    /// Plan to read: `terraform show -json`, or what scripts/plan-json.sh writes
    #[arg(long, value_name = "FILE")]
    plan: PathBuf,
    /// Scenario to replay (ops/tests/data/README.md); without it the alarms are listed
    #[arg(long, value_name = "FILE")]
    series: Option<PathBuf>,
}

/// Runs the command; `Ok(false)` means that an alarm that sends something was in ALARM.
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
