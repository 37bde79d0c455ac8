//! What is lost for good when a resource goes.

use super::finding::{Finding, Level, Topic};
use super::plan::{Action, Plan};

/// Resources that hold what no second apply brings back, and what that is.
const HOLDERS: &[(&str, &str)] = &[
    ("aws_cloudwatch_log_group", "the service's logs"),
    ("aws_ecr_repository", "the images, and with them every way back"),
    ("aws_kms_key", "whatever it encrypted, after its waiting time"),
    ("aws_route53_zone", "the zone, and the name servers that others were told"),
    ("aws_s3_bucket", "the load balancer's logs"),
    ("aws_ssm_parameter", "the API keys"),
];

/// Attributes without which a mistake cannot be taken back.
const GUARDS: &[(&str, &str, &str)] = &[
    ("aws_lb", "enable_deletion_protection", "deletion protection goes off"),
    ("aws_kms_key", "enable_key_rotation", "the encryption key is no longer rotated"),
];

/// What a plan destroys for good.
#[must_use]
pub(super) fn findings(plan: &Plan) -> Vec<Finding> {
    let mut found = Vec::new();
    for resource in plan.changed() {
        let holds = HOLDERS.iter().find(|(kind, _)| *kind == resource.kind);
        if let (Some((_, what)), Action::Destroy | Action::Replace) = (holds, resource.action()) {
            let text = format!("lost: {what}");
            found.push(Finding::new(Level::Danger, Topic::Data, &resource.address, text));
        }
        if resource.action() == Action::Forget {
            let text =
                "Terraform forgets it; it goes on costing and serving, looked after by nobody";
            found.push(Finding::new(Level::Caution, Topic::Data, &resource.address, text));
        }
        for (kind, attribute, text) in GUARDS {
            let (before, after) =
                (&resource.change.before[*attribute], &resource.change.after[*attribute]);
            if resource.kind == *kind && *before == true && *after == false {
                found.push(Finding::new(Level::Danger, Topic::Data, &resource.address, *text));
            }
        }
    }
    found
}
