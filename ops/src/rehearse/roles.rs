//! Checks that the two roles have all the rights that they need, and no others.

use std::collections::BTreeMap;

use anyhow::Context as _;

use crate::aws::{iam, ssm};
use crate::task::definition::TaskDefinition;
use crate::task::{policy, secret};
use crate::testbed::Testbed;
use crate::testbed::report::Report;

/// Checks the applied policies of both roles.
pub(super) async fn check(
    testbed: &Testbed,
    definition: &TaskDefinition,
    report: &mut Report,
) -> anyhow::Result<()> {
    let client = &testbed.client;
    let execution =
        iam::role(client, definition.execution_role_arn.as_deref().context("no execution role")?)
            .await?;
    let task =
        iam::role(client, definition.task_role_arn.as_deref().context("no task role")?).await?;
    let injected = definition
        .container_definitions
        .iter()
        .flat_map(|c| &c.secrets)
        .next()
        .context("no container has a secret")?;
    let wanted = definition
        .container("api")
        .and_then(|c| c.variable("API_KEY_PARAMETER"))
        .context("the API has no API_KEY_PARAMETER")?;
    let name = secret::parameter_name(&injected.value_from)?;
    report.check("sidecar and API read the same parameter", name == wanted, wanted);
    let parameter = ssm::get(client, wanted).await?;
    report.check(
        "it is a SecureString with its own KMS key",
        parameter.kind == "SecureString" && parameter.key_id.is_some(),
        "",
    );
    report.check(
        "the sidecar's ARN is the parameter's",
        parameter.arn == injected.value_from,
        &parameter.arn,
    );

    let (key, region) = (parameter.key_id.as_deref(), client.region());
    let other = format!("{}-of-another", parameter.arn);
    for (role, called, action) in [
        (&execution, "execution role", "ssm:GetParameters"),
        (&task, "task role", "ssm:GetParameter"),
    ] {
        let may = |parameter: &str| secret::may_read(role, action, parameter, key, region);
        report.check(
            &format!("{called}: may call {action} and decrypt for this parameter only"),
            may(&parameter.arn)? && !may(&other)?,
            "",
        );
        let documents: Vec<_> = role.policies.iter().map(|(_, document)| document).collect();
        let context = BTreeMap::new();
        let mut more = policy::wildcard_actions(documents.iter().copied())?;
        for action in [
            "ssm:PutParameter",
            "ssm:DeleteParameter",
            "kms:Encrypt",
            "iam:PassRole",
            "s3:GetObject",
            "logs:DeleteLogGroup",
        ] {
            let question = policy::Question { action, resource: &parameter.arn, context: &context };
            if policy::allows(documents.iter().copied(), &question)? {
                more.push(action.to_owned());
            }
        }
        report.check(&format!("{called}: has no other rights"), more.is_empty(), &more.join(", "));
        trust(&role.trust, called, &parameter.arn, report)?;
    }
    Ok(())
}

/// Checks that only ECS can assume a role, and only for tasks of this account.
fn trust(
    trust: &serde_json::Value,
    called: &str,
    arn: &str,
    report: &mut Report,
) -> anyhow::Result<()> {
    let parts: Vec<_> = arn.split(':').collect();
    let context = |account: &str| {
        BTreeMap::from([
            ("aws:SourceAccount".to_owned(), account.to_owned()),
            ("aws:SourceArn".to_owned(), format!("arn:aws:ecs:{}:{account}:task/x", parts[3])),
        ])
    };
    let ours = policy::trusts(trust, "ecs-tasks.amazonaws.com", &context(parts[4]))?;
    let foreign = policy::trusts(trust, "ecs-tasks.amazonaws.com", &context("000000000000"))?;
    let nameless = policy::trusts(trust, "ecs-tasks.amazonaws.com", &BTreeMap::new())?;
    report.check(
        &format!("{called}: ECS may assume it for this account, and for no other"),
        ours && !foreign && !nameless,
        "",
    );
    Ok(())
}
