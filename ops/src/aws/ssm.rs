//! SSM Parameter Store: a parameter and its KMS key.

use anyhow::Context as _;
use serde::Deserialize;
use serde_json::Value;

use super::Client;

/// One parameter, decrypted. It has no `Debug`: the value is a secret.
#[derive(Deserialize)]
pub struct Parameter {
    /// ARN, as in the policies.
    pub arn: String,
    /// `SecureString`, `String` or `StringList`.
    pub kind: String,
    /// The decrypted value.
    pub value: String,
    /// Version number.
    pub version: u64,
    /// KMS key that encrypts it: an ARN, an id or an alias, as configured.
    #[serde(default)]
    pub key_id: Option<String>,
}

/// Reads a parameter with decryption.
pub async fn get(client: &Client, name: &str) -> anyhow::Result<Parameter> {
    let query = "Parameters[0].{arn: ARN, kind: Type, value: Value, version: Version}";
    let get = ["get-parameters", "--with-decryption", "--names", name, "--query", query];
    let get = [&["ssm"], &get[..]].concat();
    let (parameter, key_id) = tokio::try_join!(client.call(&get), key_of(client, name))?;
    let parameter: Option<Parameter> = parameter;
    Ok(Parameter { key_id, ..parameter.with_context(|| format!("SSM has no parameter {name}"))? })
}

/// The KMS key of a parameter, if it has one. This does not decrypt the parameter.
pub async fn key_of(client: &Client, name: &str) -> anyhow::Result<Option<String>> {
    let filter = format!("Key=Name,Values={name}");
    let describe = ["ssm", "describe-parameters", "--parameter-filters", &filter];
    client.call(&[&describe[..], &["--query", "Parameters[0].KeyId"]].concat()).await
}

/// Overwrites the parameter without Terraform, for the drills.
pub async fn overwrite(
    client: &Client,
    name: &str,
    value: &str,
    key_id: Option<&str>,
) -> anyhow::Result<()> {
    let mut put = vec!["ssm", "put-parameter", "--type", "SecureString", "--overwrite"];
    // The process list shows the value. It is a key for this run that only the emulator has.
    put.extend(["--name", name, "--value", value]);
    put.extend(key_id.iter().flat_map(|key| ["--key-id", key]));
    client.call::<Value>(&put).await.map(drop)
}
