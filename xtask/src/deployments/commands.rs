//! The commands of docs/deploy.md: from an empty account to a service and back, with a second environment in the same
//! account.

use std::fs;
use std::path::Path;

use anyhow::ensure;

use super::laptop::Laptop;
use crate::checks::{Checks, equal};
use crate::terraform::Terraform;

const STAGING: (&str, &str) = ("ENVIRONMENT", "staging");
const YES: (&str, &str) = ("CONFIRM", "yes");
const LOG: &str = "/sum-api/production/service";

pub(super) fn check(
    root: &Path,
    terraform: &Terraform,
    folder: &Path,
    ops: &Path,
    checks: &Checks,
) -> anyhow::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    let laptop = Laptop::new(root, terraform, folder, ops)?;
    laptop.emulator.probe("zone", "example.com")?;
    check_first(&laptop, checks);
    check_second(&laptop, checks);
    check_end(&laptop, checks);
    Ok(())
}

/// The images that ECS runs in an environment.
fn images(laptop: &Laptop, environment: &str) -> anyhow::Result<String> {
    let id = format!("sum-api-{environment}");
    let definition = laptop.aws(&format!("ecs describe-services --cluster {id} --services {id} --query services[0].taskDefinition --output text"))?;
    laptop.aws(&format!("ecs describe-task-definition --task-definition {definition} --query taskDefinition.containerDefinitions[].image --output text"))
}

fn check_first(laptop: &Laptop, checks: &Checks) {
    checks.check("laptop: without a terminal, one error lists all missing values", || {
        // The clients of the emulator have a region, but bootstrap uses it only as the suggested answer.
        let ran = laptop.make("aws-bootstrap", &[])?.fails()?;
        ["REGION: ", "DOMAIN_NAME: ", "ALARM_EMAIL: "]
            .into_iter()
            .try_fold(ran, super::laptop::Ran::says)
    });
    checks.check("laptop: an invalid value is refused before anything is created", || {
        laptop
            .make("aws-bootstrap", &[("REGION", "us-east-1"), ("DOMAIN_NAME", "api.example.org")])?
            .fails()?
            .says("no public hosted zone")?;
        laptop
            .make("aws-deploy", &[])?
            .fails()?
            .says("make aws-bootstrap ENVIRONMENT=production")?;
        equal("", &*laptop.aws("s3api list-buckets --query Buckets[].Name --output text")?)
    });
    checks.check("laptop: bootstrap asks for six values", || {
        let answers = "\n\nexample/sum-api\nsum.example.com\nops@example.com\n\n";
        laptop
            .types("aws-bootstrap", &[], answers)?
            .passes()?
            .asks(6)?
            .says("the state of bootstrap is in the bucket")?
            .says("role of the engineer on call: arn:aws:iam::123456789012:role/sum-api-on-call")?
            .says("policy for changing keys: arn:aws:iam::123456789012:policy/sum-api-keys")
    });
    checks.check("laptop: the state is in the bucket, not on the machine", || {
        let bucket = laptop.aws("s3api list-buckets --query Buckets[0].Name --output text")?;
        laptop.aws(&format!(
            "s3api head-object --bucket {bucket} --key bootstrap/terraform.tfstate"
        ))?;
        ensure!(
            !laptop.has("bootstrap/terraform.tfstate")
                && !laptop.has("bootstrap/backend_override.tf"),
            "a local state"
        );
        ensure!(laptop.has("environments/production.backend.hcl"), "no backend file");
        Ok(())
    });
    checks.check("laptop: a second bootstrap has no question and no change", || {
        laptop.make("aws-bootstrap", &[])?.passes()?.asks(0)?.says("bootstrap: nothing changes")
    });
    checks.check("laptop: production is refused while the runbook has no contact", || {
        let unfilled = [("RUNBOOK", "docs/runbook.md"), YES];
        laptop.make("aws-deploy", &unfilled)?.fails()?.says("Whom to call")?;
        equal(&0, &laptop.builds())
    });
    checks.check("laptop: an answer other than yes applies nothing", || {
        laptop
            .types("aws-deploy", &[], "y\n")
            .and_then(|ran| ran.fails()?.says("nothing was applied"))
    });
    checks.check("laptop: deploy builds, reviews, asks once, applies and calls", || {
        let ran = laptop.types("aws-deploy", &[], "yes\n")?.passes()?.asks(1)?;
        ran.says("Plan review")?.says("https://sum.example.com")?.says("SKIPPED: smoke")
    });
    checks.check("laptop: deploy builds two images, once", || equal(&2, &laptop.builds()));
    checks.check("laptop: a second deploy reports no change and asks no question", || {
        let ran = laptop.make("aws-deploy", &[])?.passes()?.asks(0)?;
        ran.says("nothing changes")?.says("the registry has the images")
    });
    checks.check("laptop: status shows the service", || {
        laptop.make("status", &[])?.passes()?.says("2 of 2 tasks run")
    });
    checks.check("laptop: logs shows the lines that match the filter", || {
        let stream = format!("--log-group-name {LOG} --log-stream-name api/sum/1");
        laptop.aws(&format!("logs create-log-stream {stream}"))?;
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_millis();
        for word in ["wanted", "other"] {
            laptop.aws(&format!(
                "logs put-log-events {stream} --log-events timestamp={now},message={word}"
            ))?;
        }
        let ran = laptop.make("logs", &[("FILTER", "wanted")])?.passes()?.says("api wanted")?;
        ensure!(!ran.text.contains("other"), "{}", ran.text);
        Ok(())
    });
}

fn check_second(laptop: &Laptop, checks: &Checks) {
    let newer = "2".repeat(40);
    checks.check("laptop: a second environment needs two values", || {
        let values = [STAGING, ("DOMAIN_NAME", "none"), ("ALARM_EMAIL", "none")];
        laptop.make("aws-bootstrap", &values)?.passes()?.asks(0)
    });
    checks.check("laptop: the second environment is deployed", || {
        // A trial has no HTTPS, and no deletion protection of the load balancer.
        let values = [STAGING, ("GITHUB_SHA", &*newer)];
        laptop
            .make("aws-deploy", &[values[0], values[1], YES])?
            .fails()?
            .says("ALLOW_RULES='balancer-is-protected https-only'")?;
        let rules = "balancer-is-protected https-only\n";
        laptop.types("aws-deploy", &values, rules)?.passes()?.asks(1)?.says("http://")
    });
    checks.check("laptop: the images of the first environment differ", || {
        let (first, second) = (images(laptop, "production")?, images(laptop, "staging")?);
        ensure!(first != second, "both run {first}");
        Ok(())
    });
    checks.check("laptop: images are promoted by digest, without a build", || {
        let builds = laptop.builds();
        let promotion = [("FROM", "staging"), ("TO", "production"), YES];
        let ran =
            laptop.make("promote", &promotion)?.passes()?.says("from staging to production")?;
        // The promotion changes only the images.
        ran.says("**1 replaced** · **1 changed in place**")?;
        equal(&images(laptop, "staging")?, &images(laptop, "production")?)?;
        equal(&builds, &laptop.builds())
    });
}

fn check_end(laptop: &Laptop, checks: &Checks) {
    checks.check("laptop: destroy with another name destroys nothing", || {
        laptop
            .make("aws-destroy", &[STAGING, ("CONFIRM", "production")])?
            .fails()?
            .says("nothing was destroyed")?;
        images(laptop, "staging")
    });
    checks.check("laptop: bootstrap cannot be destroyed while an environment exists", || {
        laptop
            .make("aws-destroy", &[STAGING, ("CONFIRM", "staging"), ("BOOTSTRAP", "true")])?
            .fails()?
            .says("destroy it first")
    });
    checks.check("laptop: only the first environment remains", || {
        equal("", &*laptop.emulator.probe("left", "sum-api-staging")?)?;
        images(laptop, "production")
    });
    checks.check("laptop: destroy asks for the name and leaves no resource", || {
        laptop.types("aws-destroy", &[("BOOTSTRAP", "true")], "production\n")?.passes()?.asks(1)?;
        equal("", &*laptop.emulator.probe("left", "sum-api")?)
    });
}
