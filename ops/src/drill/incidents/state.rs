//! An apply of the real Terraform is killed. Its state is in a bucket of the emulated AWS.

use std::time::Instant;

use anyhow::{Context as _, ensure};

use crate::drill::incident::{Alarm, Callers, Incident, Injected, Observed, Over};
use crate::testbed::remote::lock_id;

/// The lock stays. AWS has some of the changes, but the state does not contain them.
pub(super) const CUT_OFF: Incident = Incident {
    name: "apply-cut-off",
    what: "SIGKILL ends an apply midway: its lock stays, and some of its changes",
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
            let repair = Injected::now(move |_| {
                Box::pin(async move {
                    remote.unlock(&lock.context("the error of Terraform names no lock")?).await?;
                    let changed = remote.apply().await?;
                    ensure!(
                        (1..planned).contains(&changed),
                        "{changed} of {planned} changes were left: the apply was not killed midway"
                    );
                    ensure!(
                        !remote.plans_changes().await?,
                        "the plan after the apply is not empty"
                    );
                    Ok(())
                })
            });
            Ok(Injected { begun, observed, ..repair })
        })
    },
    sign: ("the next plan fails, and its error names the lock", "no error"),
    alarms: &[("state-is-locked", Alarm::None)],
    also: &["an-apply-was-cut-off"],
    callers: Callers::DoNotNotice("the tasks serve, no request fails"),
    recovery: (
        "with the lock removed, an apply makes the other changes, and the next plan is empty",
        "",
    ),
    over: Over::Mitigated,
    ..Incident::COMMON
};
