//! Fargate cannot place a task: a quota of the account is reached, or the subnet has no free address.

use std::sync::PoisonError;
use std::time::Instant;

use crate::drill::incident::{Alarm, Callers, Incident, Injected, Observed, Over};
use crate::drill::procedure::Drill;

/// Texts of ECS in the events of a service.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-event-messages-list.html>
const REASONS: [&str; 2] = [
    "You've reached the limit on the number of vCPUs you can run concurrently.",
    "InsufficientFreeAddressesInSubnet: The specified subnet does not have enough free addresses to satisfy the request.",
];

/// A task ends, and ECS cannot start another. ECS adds an event to the service. There is no stopped task to inspect.
pub(super) const REACHED: Incident = Incident {
    name: "quota-reached",
    what: "a task ends while Fargate cannot place another (the quota of vCPUs, then the addresses of the subnet)",
    inject: |drill| {
        Box::pin(async {
            let begun = Instant::now();
            drill.testbed.service.retire().await?;
            let (mut after, mut said) = (None, Vec::new());
            for reason in REASONS {
                set_full(drill, Some(reason));
                let failure = drill.testbed.service.refill(&drill.definition).await.err();
                after = after.or(failure.as_ref().map(|_| begun.elapsed().as_secs_f32()));
                said.extend(failure.map(|error| format!("{error:#}")));
            }
            let good = said.len() == REASONS.len()
                && said.iter().all(|text| text.contains("unable to place a task"));
            let observed = after.map(|after| Observed { after, good, text: said.join("; ") });
            let place = Injected::now(|drill| {
                set_full(drill, None);
                Box::pin(async { drill.testbed.service.refill(&drill.definition).await })
            });
            Ok(Injected { begun, observed, ..place })
        })
    },
    // Longer than the ten minutes of metrics of the alarm.
    hold: 15,
    sign: ("ECS starts no task, and its events name the limit", "no error"),
    shows: |s| s.running < s.desired,
    alarms: &[("tasks-below-desired", Alarm::Metric("tasks-below-desired"))],
    also: &["a-quota-is-reached"],
    callers: Callers::DoNotNotice("the other task serves, no request fails"),
    recovery: ("when Fargate can place tasks again, the missing task starts", ""),
    over: Over::Mitigated,
    ..Incident::COMMON
};

/// Sets the reason why Fargate cannot place a task; `None` lets it place tasks.
fn set_full(drill: &Drill, reason: Option<&'static str>) {
    *drill.testbed.runner.full.lock().unwrap_or_else(PoisonError::into_inner) = reason;
}
