//! The way back.

use std::fs::{self, File};

use anyhow::Context as _;

use super::stack::{Stack, api, image, with_setting};
use crate::checks::{Checks, equal};

const DESIRED: &str = "describe-services --cluster sum-api-production --services sum-api-production --query services[0].desiredCount";

pub(super) fn check(stack: &mut Stack, checks: &Checks) -> anyhow::Result<()> {
    checks.check("a rollback is planned and shown first", || {
        stack.exits(0, "rollback", &[("PLAN_ONLY", "true")])
    });
    checks.check("and has changed nothing", || stack.runs(&api(3)));
    let mut found = None;
    checks.check("the workflow finds the images", || {
        found = Some(stack.deploy("find")?);
        Ok(())
    });
    checks.check("and hands them on", || {
        let found = found.context("nothing was found")?;
        let (api, nginx) = (api(1), image("nginx", 2));
        equal(&[&*api, &*nginx], &found.images(""))
    });
    let mut back = None;
    checks.check("without digests the image before comes back", || {
        back = Some(stack.deploy("rollback")?);
        Ok(())
    });
    checks.check("and is what runs", || stack.runs(&api(1)));
    checks.check("its summary names both", || {
        back.context("no rollback")?.summarizes(&format!("`{}` → `{}`", api(3), api(1)))
    });
    checks.check("autoscaling keeps its number of tasks", || equal("3", &*stack.ecs(DESIRED)?));
    checks.check("a second rollback does not return to what was left", || {
        stack.refuses("nothing to go back to", "rollback", &[])
    });
    let digest = format!("sha256:{}", "3".repeat(64));
    let with_digest = [("API_DIGEST", digest.as_str())];
    checks
        .check("with a digest that image comes back", || stack.exits(0, "rollback", &with_digest));
    checks.check("and is what runs", || stack.runs(&api(3)));
    checks.check("what runs already is no change", || stack.exits(0, "rollback", &with_digest));

    let rolls_back = stack.emulator.rollback();
    File::create(&rolls_back)?;
    checks.check("a deployment that ECS rolls back fails", || stack.release(&api(4))?.ends_with(1));
    fs::remove_file(rolls_back)?;
    checks.check("what runs is not what the state names", || stack.runs(&api(3)));
    checks.check("the rollback after it brings the state in line", || stack.deploy("rollback"));
    checks.check("and the same image runs", || stack.runs(&api(3)));
    checks.check("no drift after a rollback", || stack.deploy("drift"));

    let variables = stack.get("TF_VARS").to_owned();
    let elsewhere = with_setting(&variables, "slo_floor = { requests = 30, failures = 10 }")?;
    stack.set("TF_VARS", &elsewhere);
    checks.check("a change elsewhere that was not applied does not hold up a rollback", || {
        stack.deploy("rollback")
    });
    checks.check("whose image runs", || stack.runs(&api(1)));
    checks.check("and stays to be applied", || stack.exits(2, "drift", &[]));
    let task = with_setting(&variables, "rate_limit = { rate = 50, burst = 5 }")?;
    stack.set("TF_VARS", &task);
    checks.check("a change of the task that was not applied does", || {
        stack.refuses("RATE_LIMIT", "rollback", &[("API_DIGEST", &api(4))])
    });
    stack.set("TF_VARS", &variables);
    Ok(())
}
