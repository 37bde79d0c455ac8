//! IAM: a role's trust policy and every policy that is attached to it.

use anyhow::Context as _;
use serde_json::Value;

use super::{Client, xml};

const VERSION: &str = "2010-05-08";

/// A role with its documents parsed.
#[derive(Debug)]
pub struct Role {
    /// ARN.
    pub arn: String,
    /// Who may assume it.
    pub trust: Value,
    /// Inline and attached policies, each with its name.
    pub policies: Vec<(String, Value)>,
}

/// Reads the role whose ARN is given, with all of its policies.
pub async fn role(client: &Client, arn: &str) -> anyhow::Result<Role> {
    let name = arn.rsplit('/').next().context("a role ARN has a name")?;
    let answer = call(client, "GetRole", &[("RoleName", name)]).await?;
    let document = xml::parse(&answer, "GetRole")?;
    let role = xml::find(document.root_element(), "Role").context("GetRole: no role")?;
    let trust = policy_document(&xml::required(role, "AssumeRolePolicyDocument")?)?;

    let mut policies = Vec::new();
    let answer = call(client, "ListRolePolicies", &[("RoleName", name)]).await?;
    let document = xml::parse(&answer, "ListRolePolicies")?;
    for member in xml::list(&document, "PolicyNames") {
        let policy = member.text().unwrap_or_default();
        let answer =
            call(client, "GetRolePolicy", &[("RoleName", name), ("PolicyName", policy)]).await?;
        let document = xml::parse(&answer, "GetRolePolicy")?;
        let result = xml::find(document.root_element(), "GetRolePolicyResult")
            .context("GetRolePolicy: no result")?;
        policies
            .push((policy.to_owned(), policy_document(&xml::required(result, "PolicyDocument")?)?));
    }
    let answer = call(client, "ListAttachedRolePolicies", &[("RoleName", name)]).await?;
    let document = xml::parse(&answer, "ListAttachedRolePolicies")?;
    for member in xml::list(&document, "AttachedPolicies") {
        let attached = xml::required(member, "PolicyArn")?;
        policies.push((attached.clone(), managed(client, &attached).await?));
    }
    Ok(Role { arn: arn.to_owned(), trust, policies })
}

async fn managed(client: &Client, arn: &str) -> anyhow::Result<Value> {
    let answer = call(client, "GetPolicy", &[("PolicyArn", arn)]).await?;
    let document = xml::parse(&answer, "GetPolicy")?;
    let policy = xml::find(document.root_element(), "Policy").context("GetPolicy: no policy")?;
    let version = xml::required(policy, "DefaultVersionId")?;
    let answer =
        call(client, "GetPolicyVersion", &[("PolicyArn", arn), ("VersionId", &version)]).await?;
    let document = xml::parse(&answer, "GetPolicyVersion")?;
    let version = xml::find(document.root_element(), "PolicyVersion")
        .context("GetPolicyVersion: no version")?;
    policy_document(&xml::required(version, "Document")?)
}

async fn call(
    client: &Client,
    action: &str,
    parameters: &[(&str, &str)],
) -> anyhow::Result<String> {
    client.query("iam", VERSION, action, parameters).await
}

/// AWS sends documents percent-encoded; the emulator sends some of them plain.
fn policy_document(text: &str) -> anyhow::Result<Value> {
    let plain =
        if text.trim_start().starts_with('{') { text.to_owned() } else { percent_decoded(text)? };
    serde_json::from_str(&plain).context("a policy document is not JSON")
}

fn percent_decoded(text: &str) -> anyhow::Result<String> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'%' {
            let hex = text.get(at + 1..at + 3).context("a percent sign without two digits")?;
            out.push(u8::from_str_radix(hex, 16).context("a percent sign without two digits")?);
            at += 3;
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    String::from_utf8(out).context("a policy document is not UTF-8")
}

#[cfg(test)]
mod tests {
    use super::policy_document;

    #[test]
    fn a_document_is_read_plain_and_encoded() {
        let plain = policy_document(r#"{"a":"b c"}"#).unwrap();
        assert_eq!(plain, policy_document("%7B%22a%22%3A%22b%20c%22%7D").unwrap());
    }
}
