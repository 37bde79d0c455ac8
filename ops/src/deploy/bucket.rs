//! The bucket with the Terraform states: looks for it and its objects, and empties it.

use serde_json::{Value, json};

use crate::aws;

/// Whether this bucket exists.
pub(super) fn exists(bucket: &str) -> anyhow::Result<bool> {
    found(aws::call::<Value>(&["s3api", "head-bucket", "--bucket", bucket]))
}

/// Whether the bucket has this object.
pub(super) fn has(bucket: &str, key: &str) -> anyhow::Result<bool> {
    found(aws::call::<Value>(&["s3api", "head-object", "--bucket", bucket, "--key", key]))
}

/// S3 answers `HEAD` without a body, so the CLI prints only the status.
fn found(answer: anyhow::Result<Value>) -> anyhow::Result<bool> {
    match answer {
        Ok(_) => Ok(true),
        Err(error) if error.to_string().contains("(404)") => Ok(false),
        Err(error) => Err(error),
    }
}

/// Deletes every version of every object.
pub(super) fn empty(bucket: &str) -> anyhow::Result<()> {
    loop {
        // One call deletes at most 1000 versions.
        let list = ["s3api", "list-object-versions", "--bucket", bucket, "--max-items", "1000"];
        let page: Value = aws::call(&list)?;
        let of = |name: &str| page[name].as_array().cloned().unwrap_or_default();
        let versions = [of("Versions"), of("DeleteMarkers")].concat();
        if versions.is_empty() {
            return Ok(());
        }
        let objects: Vec<Value> = versions
            .iter()
            .map(|version| json!({ "Key": version["Key"], "VersionId": version["VersionId"] }))
            .collect();
        let delete = json!({ "Objects": objects, "Quiet": true }).to_string();
        let call = ["s3api", "delete-objects", "--bucket", bucket, "--delete", &delete];
        aws::call::<Value>(&call)?;
    }
}
