//! The service of the images, from its OpenAPI document and its `image.json`, and a call of one operation.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use chassis::document::{Access, Document, Operation, Probe};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

const TIMEOUT: Duration = Duration::from_secs(5);

/// The declared service, and an operation that anyone with a key can repeat.
pub(super) struct Service {
    pub(super) folder: String,
    pub(super) name: String,
    pub(super) port: u16,
    pub(super) ready: String,
    /// Whether it has operations that require a key in `X-Api-Key`.
    pub(super) requires_key: bool,
    /// Whether it has operations that require a bearer token.
    pub(super) requires_token: bool,
    pub(super) image: Image,
    /// The variables of `contract/environment.json`.
    pub(super) environment: Value,
    operation: Operation,
    /// The status of a successful call.
    pub(super) success: u16,
}

/// `image.json` of a service, for an image that differs from most.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Image {
    /// Its largest size.
    pub(super) megabytes: u64,
    /// Settings that the service refuses if it has no keys. Without any, it makes its own keys.
    refused: BTreeMap<String, String>,
}

impl Default for Image {
    fn default() -> Self {
        Self { megabytes: 16, refused: BTreeMap::new() }
    }
}

impl Image {
    /// The refused settings, as `NAME=value`.
    pub(super) fn environment(&self) -> Vec<String> {
        self.refused.iter().map(|(name, value)| format!("{name}={value}")).collect()
    }
}

/// A response.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
}

impl Service {
    pub(super) fn read(root: &Path, folder: &str) -> anyhow::Result<Self> {
        let file = format!("services/{folder}/openapi.json");
        let text = fs::read_to_string(root.join(&file)).with_context(|| {
            format!("SERVICE={folder} must be a folder of services/ with an openapi.json")
        })?;
        let document = Document::parse(&text).context(file)?;
        let is_ready = |operation: &&Operation| matches!(operation.probe, Some(Probe::Ready(_)));
        let ready = document.operations.iter().find(is_ready).context("no readiness probe")?;
        let ready = ready.path.to_string();
        let home = root.join("services").join(folder);
        let special: BTreeMap<String, Value> = optional(&home.join("contract/cases.json"))?;
        let operation = document
            .operations
            .iter()
            .find(|operation| is_repeatable(operation, &special))
            .context("the document has no operation that anyone with a key can repeat")?
            .clone();
        let success = success(&document.public, &operation)?;
        let requires_key = document.requires(Access::ApiKey);
        let requires_token = document.requires(Access::Bearer);
        let image = optional(&home.join("image.json"))?;
        let environment: Map<String, Value> = optional(&home.join("contract/environment.json"))?;
        let Document { service, .. } = document;
        Ok(Self {
            folder: folder.to_owned(),
            name: service.name,
            port: service.port,
            ready,
            requires_key,
            requires_token,
            image,
            environment: environment.into(),
            operation,
            success,
        })
    }

    /// Whether the called operation requires a key.
    pub(super) fn call_requires_key(&self) -> bool {
        self.operation.access == Access::ApiKey
    }

    /// Calls the operation with its example. The last part of the request follows after a pause.
    pub(super) fn call(
        &self,
        port: u16,
        key: Option<&str>,
        pause: Duration,
    ) -> anyhow::Result<Answer> {
        let Operation { method, path, examples, .. } = &self.operation;
        let body = examples.first().map_or_else(String::new, |example| example.value.to_string());
        let mut headers = String::from("Host: test\r\nConnection: close\r\n");
        if let Some(key) = key {
            write!(headers, "X-Api-Key: {key}\r\n")?;
        }
        if !body.is_empty() {
            write!(
                headers,
                "Content-Type: application/json\r\nContent-Length: {}\r\n",
                body.len()
            )?;
        }
        let request = format!("{method} {path} HTTP/1.1\r\n{headers}\r\n{body}");
        let half = request.len() - (body.len() / 2).max(1);
        let (first, second) = request.as_bytes().split_at(half);
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.write_all(first)?;
        thread::sleep(pause);
        stream.write_all(second)?;
        let mut response = String::new();
        stream.read_to_string(&mut response).context("the response")?;
        let (head, body) = response.split_once("\r\n\r\n").context("no response")?;
        let status = head.split(' ').nth(1).context("no status")?.parse()?;
        Ok(Answer { status, body: body.to_owned() })
    }
}

/// A file that only some services have.
fn optional<T: DeserializeOwned + Default>(file: &Path) -> anyhow::Result<T> {
    if !file.exists() {
        return Ok(T::default());
    }
    let text = fs::read_to_string(file)?;
    serde_json::from_str(&text).with_context(|| file.display().to_string())
}

/// `special` has the operations whose valid case needs more than its example.
fn is_repeatable(operation: &Operation, special: &BTreeMap<String, Value>) -> bool {
    operation.probe.is_none()
        && operation.access != Access::Bearer
        && operation.path.is_static()
        && !special.contains_key(&operation.id)
}

/// The first 2xx status that an operation declares.
fn success(public: &str, operation: &Operation) -> anyhow::Result<u16> {
    let document: Value = serde_json::from_str(public)?;
    let method = operation.method.as_str().to_ascii_lowercase();
    let responses = &document["paths"][operation.path.to_string()][method]["responses"];
    let mut statuses = responses.as_object().context("no response")?.keys();
    let status = statuses.find(|status| status.starts_with('2')).context("no success")?;
    Ok(status.parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(folder: &str) -> Service {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        Service::read(root, folder).unwrap()
    }

    #[test]
    fn checks_of_a_service_come_from_its_folder() {
        let sum = read("sum");
        assert!(sum.requires_key && !sum.requires_token);
        assert_eq!((sum.operation.path.to_string().as_str(), sum.success), ("/sum", 200));
        assert_eq!(sum.environment.to_string(), "{}");
        assert_eq!((sum.image.megabytes, sum.image.environment().len()), (16, 0));

        let tasks = read("tasks");
        assert!(tasks.requires_token && !tasks.requires_key && !tasks.call_requires_key());
        assert_eq!(tasks.operation.access, Access::Open);
        assert_eq!((tasks.operation.method.as_str(), tasks.success), ("GET", 200));
        assert_eq!(tasks.environment["REGISTRATIONS_PER_ADDRESS"], "10000");
        assert!(tasks.image.environment().contains(&"REGISTRATION=open".to_owned()));
    }
}
