//! Parameter Store: a parameter, and the key that encrypts it.

use anyhow::{Context as _, bail};
use serde_json::json;

use super::Client;

/// One parameter, decrypted. It has no `Debug`: the value is a secret.
pub struct Parameter {
    /// ARN, as the policies name it.
    pub arn: String,
    /// `SecureString`, `String` or `StringList`.
    pub kind: String,
    /// The plain value.
    pub value: String,
    /// Key that encrypts it: an ARN, an id or an alias, as it was given.
    pub key_id: Option<String>,
}

/// `GetParameter` with decryption.
pub async fn get(client: &Client, name: &str) -> anyhow::Result<Parameter> {
    let answer = client
        .json("ssm", "AmazonSSM.GetParameters", &json!({ "Names": [name], "WithDecryption": true }))
        .await?;
    let Some(found) = answer["Parameters"].as_array().and_then(|p| p.first()) else {
        bail!("SSM has no parameter {name}");
    };
    let text = |field: &str| found[field].as_str().map(str::to_owned);
    let filter = json!([{ "Key": "Name", "Option": "Equals", "Values": [name] }]);
    let described = client
        .json("ssm", "AmazonSSM.DescribeParameters", &json!({ "ParameterFilters": filter }))
        .await?;
    Ok(Parameter {
        arn: text("ARN").context("the parameter has no ARN")?,
        kind: text("Type").context("the parameter has no type")?,
        value: text("Value").context("the parameter has no value")?,
        key_id: described["Parameters"][0]["KeyId"].as_str().map(str::to_owned),
    })
}

/// Writes a new value over the parameter, behind Terraform's back. The drills do.
pub async fn overwrite(
    client: &Client,
    name: &str,
    value: &str,
    key_id: Option<&str>,
) -> anyhow::Result<()> {
    let mut body =
        json!({ "Name": name, "Value": value, "Type": "SecureString", "Overwrite": true });
    if let Some(key_id) = key_id {
        body["KeyId"] = json!(key_id);
    }
    client.json("ssm", "AmazonSSM.PutParameter", &body).await.map(drop)
}
