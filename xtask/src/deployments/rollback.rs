//! Rollbacks.

use std::fs::{self, File};

use anyhow::Context as _;

use super::stack::{Stack, api, image, with_setting};
use crate::checks::{Checks, equal};

const DESIRED: &str = "describe-services --cluster sum-api-production --services sum-api-production --query services[0].desiredCount";

pub(super) fn check(stack: &mut Stack, checks: &Checks) -> anyhow::Result<()> {
    checks.check("a rollback can be planned only", || {
        stack.exits(0, "rollback", &[("PLAN_ONLY", "true")])
    });
    checks.check("the planned rollback changes nothing", || stack.runs(&api(3)));
    let mut found = None;
    checks.check("the workflow finds the images", || {
        found = Some(stack.deploy("find")?);
        Ok(())
    });
    checks.check("the workflow outputs the images", || {
        let found = found.context("nothing was found")?;
        let (api, nginx) = (api(1), image("nginx", 2));
        equal(&[&*api, &*nginx], &found.images(""))
    });
    let mut back = None;
    checks.check("a rollback without digests succeeds", || {
        back = Some(stack.deploy("rollback")?);
        Ok(())
    });
    checks.check("ECS runs the previous image", || stack.runs(&api(1)));
    checks.check("the summary of the rollback names both images", || {
        back.context("no rollback")?.summarizes(&format!("`{}` → `{}`", api(3), api(1)))
    });
    checks.check("a rollback keeps the desired count of autoscaling", || {
        equal("3", &*stack.ecs(DESIRED)?)
    });
    checks.check("a second rollback does not return to the image that was rolled back", || {
        stack.refuses("nothing to go back to", "rollback", &[])
    });
    let digest = format!("sha256:{}", "3".repeat(64));
    let with_digest = [("API_DIGEST", digest.as_str())];
    checks.check("a rollback with a digest succeeds", || stack.exits(0, "rollback", &with_digest));
    checks.check("ECS runs the image with this digest", || stack.runs(&api(3)));
    checks.check("a rollback to the running image succeeds", || {
        stack.exits(0, "rollback", &with_digest)
    });

    let rolls_back = stack.emulator.rollback();
    File::create(&rolls_back)?;
    checks.check("a deployment that ECS rolls back fails", || stack.release(&api(4))?.ends_with(1));
    fs::remove_file(rolls_back)?;
    checks.check("ECS runs the image from before the failed deployment", || stack.runs(&api(3)));
    checks.check("a rollback repairs the state", || stack.deploy("rollback"));
    checks.check("ECS runs the same image after the repair", || stack.runs(&api(3)));
    checks.check("no drift after a rollback", || stack.deploy("drift"));

    let variables = stack.get("TF_VARS").to_owned();
    let elsewhere = with_setting(&variables, "slo_floor = { requests = 30, failures = 10 }")?;
    stack.set("TF_VARS", &elsewhere);
    checks.check("an unapplied change outside the task does not block a rollback", || {
        stack.deploy("rollback")
    });
    checks.check("ECS runs the image of this rollback", || stack.runs(&api(1)));
    checks.check("the unapplied change remains as drift", || stack.exits(2, "drift", &[]));
    let task = with_setting(&variables, "rate_limit = { rate = 50, burst = 5 }")?;
    stack.set("TF_VARS", &task);
    checks.check("an unapplied change of the task blocks a rollback", || {
        stack.refuses("RATE_LIMIT", "rollback", &[("API_DIGEST", &api(4))])
    });
    stack.set("TF_VARS", &variables);
    Ok(())
}
