//! The first deployment, and changes between a plan and its apply.

use anyhow::{Context as _, ensure};

use super::stack::{Stack, api, image};
use crate::checks::{Checks, equal};

pub(super) fn check(stack: &mut Stack, checks: &Checks) {
    checks.check("a deployment without a service is refused", || {
        stack.exits(64, "plan", &[("SERVICE", "")])
    });
    checks.check("a service without a folder is refused", || {
        stack.exits(64, "rollback", &[("SERVICE", "nginx")])
    });
    checks.check("one image without the other is refused", || {
        stack.exits(1, "plan", &[("NGINX_IMAGE", "")])
    });
    checks.check("a rollback before the first deployment is refused", || {
        stack.refuses("nothing is deployed", "rollback", &[])
    });

    checks.check("production is refused while the runbook has no contact", || {
        stack.exits(64, "plan", &[("RUNBOOK", "docs/runbook.md")])
    });

    let mut first = String::new();
    checks.check(
        "the first plan passes the review, and its summary starts with the verdict",
        || {
            let planned = stack.deploy("plan")?;
            planned.output("fingerprint").clone_into(&mut first);
            ensure!(!first.is_empty(), "no fingerprint");
            planned.summarizes("\n## 🟢 Plan review")
        },
    );
    checks.check("a second plan without a change has the same fingerprint", || {
        equal(&*first, stack.deploy("plan")?.output("fingerprint"))
    });
    checks.check("nothing is applied without a review", || stack.exits(64, "apply", &[]));
    checks.check("a plan other than the reviewed one is refused", || {
        stack.exits(1, "apply", &[("REVIEWED", "0000")])
    });
    stack.set("REVIEWED", &first);
    let mut applied = None;
    checks.check("the reviewed plan is applied", || {
        applied = Some(stack.deploy("apply")?);
        Ok(())
    });
    checks.check("apply outputs the URL", || {
        let applied = applied.as_ref().context("nothing was applied")?;
        equal("https://sum.example.com", applied.output("url"))
    });
    checks.check("the first deployment has no previous image", || {
        let applied = applied.as_ref().context("nothing was applied")?;
        equal("", applied.output("previous_api_image"))
    });
    checks.check("ECS runs the given image", || stack.runs(&api(1)));
    checks.check("the same plan cannot be applied twice", || stack.exits(1, "apply", &[]));
    checks.check("no drift after an apply", || stack.deploy("drift"));
    checks.check("a rollback from the only deployment is refused", || {
        stack.refuses("nothing to go back to", "rollback", &[])
    });
    check_between(stack, checks);
}

/// Changes between plan and apply.
fn check_between(stack: &mut Stack, checks: &Checks) {
    let update = "update-service --cluster sum-api-production --service sum-api-production";
    stack.set("API_IMAGE", &api(3));
    checks.check("a new image is planned", || stack.plan());
    checks.check("a change outside Terraform after the plan stops the apply", || {
        stack.ecs(&format!("{update} --health-check-grace-period-seconds 1"))?;
        stack.exits(1, "apply", &[])
    });
    let mut applied = None;
    checks.check("a change by autoscaling after the plan does not stop the apply", || {
        let grace = stack.grace_seconds()?;
        let undo =
            format!("{update} --health-check-grace-period-seconds {grace} --desired-count 3");
        stack.ecs(&undo)?;
        applied = Some(stack.deploy("apply")?);
        Ok(())
    });
    checks.check("apply outputs the previous images", || {
        let applied = applied.context("nothing was applied")?;
        let (api, nginx) = (api(1), image("nginx", 2));
        equal(&[&*api, &*nginx], &applied.images("previous_"))
    });
}
