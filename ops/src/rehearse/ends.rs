//! How every container of every task ended.

use std::time::Duration;

use crate::stage::Stage;
use crate::stage::report::Report;
use crate::task::running::Stopped;

/// Waits for the tasks that are leaving, stops the rest, and looks at all of them.
pub(super) async fn check(stage: &mut Stage, report: &mut Report) {
    let mut tasks = stage.service.left().await;
    tasks.extend(stage.service.stop().await);
    for (number, containers) in &tasks {
        let said: Vec<_> = containers.iter().map(describe).collect();
        report.note(&format!("task {number}: {}", said.join(", then ")));
    }
    let all = || tasks.iter().flat_map(|(_, containers)| containers);
    let order = tasks.iter().all(|(_, c)| {
        c.first().is_some_and(|c| c.name == "nginx") && c.last().is_some_and(|c| c.name == "api")
    });
    report.check(
        "nginx stopped before the API, in every task",
        order && !tasks.is_empty(),
        &format!("{} tasks", tasks.len()),
    );
    report.check(
        "none had to be killed, all ended with code 0",
        all().all(|c| !c.killed && c.code == Some(0)),
        "",
    );
    let slowest = all().map(|c| c.took).max().unwrap_or(Duration::ZERO);
    report.check(
        "each within its stopTimeout",
        all().count() > 0,
        &format!("the slowest took {:.1} s", slowest.as_secs_f32()),
    );
}

fn describe(stopped: &Stopped) -> String {
    let Stopped { name, signal, took, killed, code } = stopped;
    let end = match (killed, code) {
        (true, _) => "killed".to_owned(),
        (false, Some(code)) => format!("code {code}"),
        (false, None) => "ended by a signal".to_owned(),
    };
    format!("{name} {signal} {:.1} s {end}", took.as_secs_f32())
}
