//! Whether AWS still holds what the configuration says.

use super::Drift;
use super::fingerprint;
use super::stack::Target;

/// Plans all services, and reviews what differs. `target` needs no service.
pub(super) fn run(target: &Target) -> anyhow::Result<bool> {
    let all = Target { service: String::new(), ..target.clone() };
    let mut stack = all.open()?;
    if stack.deployed()?.is_empty() {
        println!("nothing is deployed");
        return Ok(true);
    }
    stack.use_images(None)?;
    // It changes nothing, so it does not hold up a deployment.
    let plan = stack.terraform.plan("drift", &["-lock=false"])?;
    // A rollback applies the ECS service alone, so the outputs in the state are those of before. AWS does not differ.
    if fingerprint::count(&plan.json)? == 0 {
        return Ok(true);
    }
    stack.review(&plan, &[])?;
    Err(Drift.into())
}
