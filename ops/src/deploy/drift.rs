//! Compares AWS with the configuration.

use super::Drift;
use super::fingerprint;
use super::stack::Target;

/// Plans all services, and reviews the differences. `target` needs no service.
pub(super) fn run(target: &Target) -> anyhow::Result<bool> {
    let all = Target { service: String::new(), ..target.clone() };
    let mut stack = all.open()?;
    if stack.deployed()?.is_empty() {
        println!("nothing is deployed");
        return Ok(true);
    }
    stack.use_images(None)?;
    // This plan is never applied. Without the lock it does not delay a deployment.
    let plan = stack.terraform.plan("drift", &["-lock=false"])?;
    // A rollback applies only the ECS service and leaves old outputs in the state. Changed outputs alone are no drift.
    if fingerprint::count(&plan.json)? == 0 {
        return Ok(true);
    }
    stack.review(&plan, &[])?;
    Err(Drift.into())
}
