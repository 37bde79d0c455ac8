//! Injects secrets as ECS does: with the execution role, from SSM, at the start of the task.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};

use super::definition::{Container, TaskDefinition};
use super::policy::{self, Question};
use crate::aws::iam::Role;
use crate::aws::{Client, iam, ssm};

/// Reads every secret of the container, if the execution role may read it.
///
/// `ssm` is the Parameter Store that ECS uses. On an error, the task does not start. Fargate's name of this error is
/// `ResourceInitializationError`.
pub async fn resolve(
    client: &Client,
    ssm: &Client,
    definition: &TaskDefinition,
    container: &Container,
) -> anyhow::Result<Vec<(String, String)>> {
    if container.secrets.is_empty() {
        return Ok(Vec::new());
    }
    let arn = definition.execution_role_arn.as_deref().context("secrets need an execution role")?;
    let role = iam::role(client, arn).await?;
    let mut values = Vec::new();
    for secret in &container.secrets {
        let name = parameter_name(&secret.value_from)?;
        let parameter = ssm::get(ssm, &name).await?;
        if !may_read(
            &role,
            "ssm:GetParameters",
            &secret.value_from,
            parameter.key_id.as_deref(),
            client.region(),
        )? {
            bail!("AccessDeniedException: {} may not read {}", role.arn, secret.value_from);
        }
        values.push((secret.name.clone(), parameter.value));
    }
    Ok(values)
}

/// Whether the role's policies let it read the parameter and decrypt it with its key.
pub fn may_read(
    role: &Role,
    action: &str,
    parameter: &str,
    key: Option<&str>,
    region: &str,
) -> anyhow::Result<bool> {
    let policies: Vec<_> = role.policies.iter().map(|(_, document)| document).collect();
    let nothing = BTreeMap::new();
    let read = policy::allows(
        policies.iter().copied(),
        &Question { action, resource: parameter, context: &nothing },
    )?;
    let Some(key) = key else { return Ok(read) };
    let context = BTreeMap::from([
        ("kms:ViaService".to_owned(), format!("ssm.{region}.amazonaws.com")),
        ("kms:EncryptionContext:PARAMETER_ARN".to_owned(), parameter.to_owned()),
    ]);
    Ok(read
        && policy::allows(
            policies,
            &Question { action: "kms:Decrypt", resource: key, context: &context },
        )?)
}

/// `arn:aws:ssm:REGION:ACCOUNT:parameter/a/b` is the parameter `/a/b`.
pub fn parameter_name(arn: &str) -> anyhow::Result<String> {
    let parts: Vec<_> = arn.splitn(6, ':').collect();
    match parts[..] {
        ["arn", _, "ssm", _, _, resource] => {
            let name = resource
                .strip_prefix("parameter")
                .with_context(|| format!("{arn} is not the ARN of a parameter"))?;
            Ok(name.to_owned())
        }
        _ => bail!("{arn} is not the ARN of an SSM parameter"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn parameter_name_comes_from_its_arn() {
        assert_eq!(parameter_name("arn:aws:ssm:eu-west-1:1:parameter/a/b").unwrap(), "/a/b");
        assert!(parameter_name("arn:aws:secretsmanager:eu-west-1:1:secret:x").is_err());
    }

    #[test]
    fn read_needs_rights_to_parameter_and_key() {
        let read = json!({ "Statement": { "Effect": "Allow", "Action": "ssm:GetParameters", "Resource": "arn:p" } });
        let decrypt = json!({ "Statement": { "Effect": "Allow", "Action": "kms:Decrypt", "Resource": "arn:k",
            "Condition": { "StringEquals": { "kms:ViaService": "ssm.r.amazonaws.com" } } } });
        let role = |policies: &[&serde_json::Value]| Role {
            arn: "r".into(),
            trust: json!({}),
            policies: policies.iter().map(|p| (String::new(), (*p).clone())).collect(),
        };
        let may =
            |role: &Role| may_read(role, "ssm:GetParameters", "arn:p", Some("arn:k"), "r").unwrap();
        assert!(may(&role(&[&read, &decrypt])));
        assert!(!may(&role(&[&read])), "a value that cannot be decrypted cannot be read");
        assert!(!may(&role(&[&decrypt])));
    }
}
