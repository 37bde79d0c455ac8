//! Parameter Store: a parameter, and the key that encrypts it.

use anyhow::Context as _;
use serde::Deserialize;
use serde_json::Value;

use super::Client;

/// One parameter, decrypted. It has no `Debug`: the value is a secret.
#[derive(Deserialize)]
pub struct Parameter {
    /// ARN, as the policies name it.
    pub arn: String,
    /// `SecureString`, `String` or `StringList`.
    pub kind: String,
    /// The plain value.
    pub value: String,
    /// Number of its version.
    pub version: u64,
    /// Key that encrypts it: an ARN, an id or an alias, as it was given.
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

/// The key that encrypts a parameter, if one does. Nothing is decrypted.
pub async fn key_of(client: &Client, name: &str) -> anyhow::Result<Option<String>> {
    let filter = format!("Key=Name,Values={name}");
    let describe = ["ssm", "describe-parameters", "--parameter-filters", &filter];
    client.call(&[&describe[..], &["--query", "Parameters[0].KeyId"]].concat()).await
}

/// Writes a new value over the parameter, behind Terraform's back. The drills do.
pub async fn overwrite(
    client: &Client,
    name: &str,
    value: &str,
    key_id: Option<&str>,
) -> anyhow::Result<()> {
    let mut put = vec!["ssm", "put-parameter", "--type", "SecureString", "--overwrite"];
    // The value is in the process list. It is a key of this run, and the emulator's alone.
    put.extend(["--name", name, "--value", value]);
    put.extend(key_id.iter().flat_map(|key| ["--key-id", key]));
    client.call::<Value>(&put).await.map(drop)
}
