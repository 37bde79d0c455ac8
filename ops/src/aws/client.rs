//! One request to the emulator, one answer from it.

use anyhow::{Context as _, bail};
use bytes::Bytes;
use serde_json::Value;

use crate::http::{self, Request};

/// The emulated AWS: where it listens, and the region that is asked for.
#[derive(Debug, Clone)]
pub struct Client {
    address: String,
    region: String,
}

impl Client {
    /// `address` is `host:port`; plain HTTP.
    #[must_use]
    pub fn new(address: &str, region: &str) -> Self {
        Self { address: address.to_owned(), region: region.to_owned() }
    }

    /// `host:port` of the emulator.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The region that every call is made in.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }

    /// A call in the JSON 1.1 protocol; `target` is `Prefix_Version.Operation`.
    pub async fn json(&self, service: &str, target: &str, body: &Value) -> anyhow::Result<Value> {
        let request = self
            .post(service)
            .header("x-amz-target", target)
            .header("content-type", "application/x-amz-json-1.1")
            .body(body.to_string());
        let answer = self.send(request, target).await?;
        serde_json::from_slice(&answer).with_context(|| format!("{target}: the answer is not JSON"))
    }

    /// A call in the query protocol; the answer is the XML text.
    pub async fn query(
        &self,
        service: &str,
        version: &str,
        action: &str,
        parameters: &[(&str, &str)],
    ) -> anyhow::Result<String> {
        let mut form = format!("Action={action}&Version={version}");
        for (name, value) in parameters {
            form.push('&');
            form.push_str(name);
            form.push('=');
            form.push_str(&percent_encoded(value));
        }
        let request = self
            .post(service)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form);
        let answer = self.send(request, action).await?;
        String::from_utf8(answer.to_vec())
            .with_context(|| format!("{action}: the answer is not UTF-8"))
    }

    fn post(&self, service: &str) -> Request {
        let scope = format!("rehearsal/20260101/{}/{service}/aws4_request", self.region);
        Request::new("POST", &self.address, "/")
            .header("host", &format!("{service}.{}.amazonaws.com", self.region))
            .header(
                "authorization",
                &format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=none"),
            )
    }

    async fn send(&self, request: Request, call: &str) -> anyhow::Result<Bytes> {
        let answer =
            http::send(request).await.with_context(|| format!("{call} to the emulated AWS"))?;
        if answer.status != 200 {
            bail!("{call}: the emulated AWS answered {}: {}", answer.status, answer.text());
        }
        Ok(answer.body)
    }
}

/// Everything but RFC 3986's unreserved characters as `%XX`.
fn percent_encoded(value: &str) -> String {
    use std::fmt::Write as _;
    value.bytes().fold(String::with_capacity(value.len()), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::percent_encoded;

    #[test]
    fn an_arn_survives_the_form() {
        assert_eq!(
            percent_encoded("arn:aws:iam::1:role/a b"),
            "arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fa%20b"
        );
    }
}
