//! Checks how every container of every task ended.

use std::time::Duration;

use crate::task::running::Stopped;
use crate::testbed::Testbed;
use crate::testbed::report::Report;

/// The result of a scheduler: a task's number, and its containers in the order in which they ended.
type Ended = (u8, Vec<Stopped>);

/// Stops all tasks, as if the service were deleted: the tasks in service and the equal number that they replaced.
pub(super) async fn check(testbed: &mut Testbed, report: &mut Report) {
    let ended = testbed.service.stop().await;
    describe(&ended, 2 * testbed.service.desired, report);
}

/// Reports how the tasks ended, and checks that `expected` tasks ended as declared.
pub(super) fn describe(tasks: &[Ended], expected: usize, report: &mut Report) {
    for (number, containers) in tasks {
        let said: Vec<_> = containers.iter().map(one).collect();
        report.note(&format!("task {number} stopped: {}", said.join(", then ")));
    }
    let took = tasks.iter().flat_map(|(_, containers)| containers).map(|c| c.took);
    report.check(
        "nginx stopped before the API; both stopped on their signal, within stopTimeout, with exit code 0",
        as_declared(tasks, expected),
        &format!(
            "{} of {expected} tasks, the slowest container took {:.1} s",
            tasks.len(),
            took.max().unwrap_or(Duration::ZERO).as_secs_f32()
        ),
    );
}

/// Whether `expected` tasks ended: first the sidecar, then the API, each on its signal, in time and with exit code 0.
fn as_declared(tasks: &[Ended], expected: usize) -> bool {
    tasks.len() == expected
        && tasks.iter().all(|(_, containers)| {
            containers.iter().map(|c| c.name.as_str()).eq(["nginx", "api"])
                && containers.iter().all(|c| c.asked && !c.killed && c.code == Some(0))
        })
}

fn one(stopped: &Stopped) -> String {
    let Stopped { name, signal, asked, took, killed, code } = stopped;
    let end = match (killed, code) {
        (true, _) => "killed".to_owned(),
        (false, Some(code)) => format!("code {code}"),
        (false, None) => "ended by a signal".to_owned(),
    };
    let by_itself = if *asked { "" } else { " without a signal," };
    format!("{name} {signal} {:.1} s{by_itself} {end}", took.as_secs_f32())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(name: &str) -> Stopped {
        Stopped {
            name: name.to_owned(),
            signal: "SIGTERM".to_owned(),
            asked: true,
            took: Duration::from_secs(1),
            killed: false,
            code: Some(0),
        }
    }

    fn task(change: impl Fn(&mut Stopped)) -> Ended {
        let mut containers = vec![container("nginx"), container("api")];
        containers.iter_mut().for_each(change);
        (1, containers)
    }

    #[test]
    fn missing_or_disorderly_ends_are_detected() {
        let good = || task(|_| {});
        assert!(as_declared(&[good(), good()], 2));
        assert!(!as_declared(&[], 2));
        assert!(!as_declared(&[good()], 2), "one is missing");
        assert!(!as_declared(&[good(), (2, vec![])], 2), "a task without containers");
        assert!(!as_declared(&[good(), (2, vec![container("nginx")])], 2), "the API is missing");
        let turned = (2, vec![container("api"), container("nginx")]);
        assert!(!as_declared(&[good(), turned], 2), "the API stopped first");
        for wrong in [
            task(|c| c.killed = true),
            task(|c| c.code = Some(1)),
            task(|c| c.code = None),
            task(|c| c.asked = false),
        ] {
            assert!(!as_declared(&[good(), wrong], 2));
        }
    }
}
