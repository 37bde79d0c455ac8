//! How every container of every task ended.

use std::time::Duration;

use crate::stage::Stage;
use crate::stage::report::Report;
use crate::task::running::Stopped;

/// What a scheduler returns: a task's number, and its containers in the order of their end.
type Ended = (u8, Vec<Stopped>);

/// Stops what still runs, as if the service were deleted.
pub(super) async fn check(stage: &mut Stage, report: &mut Report) {
    let ended = stage.service.stop().await;
    describe(&ended, report);
}

/// Says how the tasks ended, and whether it was as declared.
pub(super) fn describe(tasks: &[Ended], report: &mut Report) {
    for (number, containers) in tasks {
        let said: Vec<_> = containers.iter().map(one).collect();
        report.note(&format!("task {number} stopped: {}", said.join(", then ")));
    }
    let all = || tasks.iter().flat_map(|(_, containers)| containers);
    let order = tasks.iter().all(|(_, c)| {
        c.first().is_some_and(|c| c.name == "nginx") && c.last().is_some_and(|c| c.name == "api")
    });
    let kept = all().all(|c| !c.killed && c.code == Some(0));
    let slowest = all().map(|c| c.took).max().unwrap_or(Duration::ZERO);
    report.check(
        "nginx stopped before the API, each by its signal, within its stopTimeout, with code 0",
        order && kept && !tasks.is_empty(),
        &format!(
            "{} tasks, the slowest container took {:.1} s",
            tasks.len(),
            slowest.as_secs_f32()
        ),
    );
}

fn one(stopped: &Stopped) -> String {
    let Stopped { name, signal, took, killed, code } = stopped;
    let end = match (killed, code) {
        (true, _) => "killed".to_owned(),
        (false, Some(code)) => format!("code {code}"),
        (false, None) => "ended by a signal".to_owned(),
    };
    format!("{name} {signal} {:.1} s {end}", took.as_secs_f32())
}
