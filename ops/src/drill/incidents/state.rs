//! A run of Terraform is killed in the middle of an apply: the real Terraform, and a state in a bucket of the emulated AWS.

use std::time::Instant;

use anyhow::{Context as _, ensure};

use crate::drill::incident::{Alarm, Callers, Incident, Injected, Observed, Over};
use crate::testbed::remote::lock_id;

/// The lock stays, and AWS has a part of the change, of which the state knows nothing.
pub(super) const CUT_OFF: Incident = Incident {
    name: "apply-cut-off",
    what: "an apply is killed midway (SIGKILL): its lock stays, and a part of its changes",
    inject: |drill| {
        Box::pin(async {
            let remote = drill.testbed.remote().await?;
            let planned = remote.cut_off().await?;
            let begun = Instant::now();
            let failure = remote.plans_changes().await.err();
            let text = failure.map(|error| format!("{error:#}")).unwrap_or_default();
            let lock = lock_id(&text).map(str::to_owned);
            let good = text.contains("Error acquiring the state lock") && lock.is_some();
            let text = lock.as_ref().map_or(text, |id| format!("the state is locked by {id}"));
            let observed = Some(Observed { after: begun.elapsed().as_secs_f32(), good, text });
            let mend = Injected::now(move |_| {
                Box::pin(async move {
                    remote.unlock(&lock.context("no lock is known")?).await?;
                    let changed = remote.apply().await?;
                    ensure!(
                        (1..planned).contains(&changed),
                        "{changed} of {planned} changes were left: it was not cut off midway"
                    );
                    ensure!(!remote.plans_changes().await?, "the plan after it is not empty");
                    Ok(())
                })
            });
            Ok(Injected { begun, observed, ..mend })
        })
    },
    sign: ("the next plan is refused, and names the lock", "no error"),
    alarms: &[("state-is-locked", Alarm::None)],
    also: &["an-apply-was-cut-off"],
    callers: Callers::DoNotNotice("the tasks go on, callers do not notice"),
    recovery: (
        "the lock is taken away, an apply makes the rest of the changes, the plan after it is empty",
        "",
    ),
    over: Over::Mitigated,
    ..Incident::COMMON
};
