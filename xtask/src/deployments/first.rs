//! The first deployment, and what happens between a plan and its apply.

use anyhow::{Context as _, ensure};

use super::stack::{Stack, api, image};
use crate::checks::{Checks, equal};

pub(super) fn check(stack: &mut Stack, checks: &Checks) {
    checks.check("a deployment without a service is refused", || {
        stack.exits(64, "plan", &[("SERVICE", "")])
    });
    checks.check("a service that is no folder is refused", || {
        stack.exits(64, "rollback", &[("SERVICE", "nginx")])
    });
    checks.check("one image without the other is refused", || {
        stack.exits(1, "plan", &[("NGINX_IMAGE", "")])
    });
    checks.check("no way back before the first deployment", || {
        stack.refuses("nothing is deployed", "rollback", &[])
    });

    checks.check("production is refused while the runbook names nobody to call", || {
        stack.exits(64, "plan", &[("RUNBOOK", "docs/runbook.md")])
    });

    let mut first = String::new();
    checks.check(
        "the first plan is reviewed and passes, and its summary opens with the verdict",
        || {
            let planned = stack.deploy("plan")?;
            planned.output("fingerprint").clone_into(&mut first);
            ensure!(!first.is_empty(), "no fingerprint");
            planned.summarizes("\n## 🟢 Plan review")
        },
    );
    checks.check("the same plan made again has the same fingerprint", || {
        equal(&*first, stack.deploy("plan")?.output("fingerprint"))
    });
    checks.check("nothing is applied without a review", || stack.exits(64, "apply", &[]));
    checks.check("another plan than the reviewed one is refused", || {
        stack.exits(1, "apply", &[("REVIEWED", "0000")])
    });
    stack.set("REVIEWED", &first);
    let mut applied = None;
    checks.check("the reviewed plan is applied", || {
        applied = Some(stack.deploy("apply")?);
        Ok(())
    });
    checks.check("the address is handed on", || {
        let applied = applied.as_ref().context("nothing was applied")?;
        equal("https://sum.example.com", applied.output("url"))
    });
    checks.check("the first deployment has none before it", || {
        let applied = applied.as_ref().context("nothing was applied")?;
        equal("", applied.output("previous_api_image"))
    });
    checks.check("what runs is what was given", || stack.runs(&api(1)));
    checks.check("the applied plan does not apply twice", || stack.exits(1, "apply", &[]));
    checks.check("no drift after an apply", || stack.deploy("drift"));
    checks.check("no way back from the only deployment", || {
        stack.refuses("nothing to go back to", "rollback", &[])
    });
    check_between(stack, checks);
}

/// What changes between plan and apply.
fn check_between(stack: &mut Stack, checks: &Checks) {
    let update = "update-service --cluster sum-api-production --service sum-api-production";
    stack.set("API_IMAGE", &api(3));
    checks.check("a new image is planned", || stack.plan());
    checks.check("what somebody changes meanwhile is another plan", || {
        stack.ecs(&format!("{update} --health-check-grace-period-seconds 1"))?;
        stack.exits(1, "apply", &[])
    });
    let mut applied = None;
    checks.check("what autoscaling changes meanwhile is not", || {
        let grace = stack.grace_seconds()?;
        let undo =
            format!("{update} --health-check-grace-period-seconds {grace} --desired-count 3");
        stack.ecs(&undo)?;
        applied = Some(stack.deploy("apply")?);
        Ok(())
    });
    checks.check("the apply says what ran before", || {
        let applied = applied.context("nothing was applied")?;
        let (api, nginx) = (api(1), image("nginx", 2));
        equal(&[&*api, &*nginx], &applied.images("previous_"))
    });
}
