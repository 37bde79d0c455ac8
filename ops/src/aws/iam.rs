//! IAM: a role's trust policy and all its other policies.

use anyhow::Context as _;
use serde::Deserialize;
use serde_json::Value;

use super::Client;

/// A role with its parsed policy documents.
#[derive(Debug, Deserialize)]
pub struct Role {
    /// ARN.
    pub arn: String,
    /// Trust policy: the principals that may assume the role.
    pub trust: Value,
    /// Inline and attached policies, each with its name.
    pub policies: Vec<(String, Value)>,
}

#[derive(Deserialize)]
struct Details {
    role: Role,
    attached: Vec<String>,
    managed: Vec<(String, Value)>,
}

/// Reads the role with this ARN and all its policies.
pub async fn role(client: &Client, arn: &str) -> anyhow::Result<Role> {
    let found = format!("RoleDetailList[?Arn == '{arn}'] | [0]");
    let policies = "RolePolicyList[].[PolicyName, PolicyDocument]";
    let document = "PolicyVersionList[?IsDefaultVersion] | [0].Document";
    let query = format!(
        "{{
            role: {found}.{{arn: Arn, trust: AssumeRolePolicyDocument, policies: {policies}}},
            attached: {found}.AttachedManagedPolicies[].PolicyArn,
            managed: Policies[].[Arn, {document}]
        }}"
    );
    let details = ["iam", "get-account-authorization-details", "--query", &query];
    let Details { mut role, attached, managed } = client.call(&details).await?;
    for arn in attached {
        let policy = managed.iter().find(|(known, _)| *known == arn);
        role.policies.push(policy.with_context(|| format!("IAM has no policy {arn}"))?.clone());
    }
    Ok(role)
}
