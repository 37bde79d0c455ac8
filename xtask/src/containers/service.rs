//! The service of the images, from its OpenAPI document, and a call of its first operation.

use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use chassis::document::{Access, Document, Operation, Probe};
use serde_json::Value;

const TIMEOUT: Duration = Duration::from_secs(5);

/// The declared service, and its first operation that is not a probe.
pub(super) struct Service {
    pub(super) folder: String,
    pub(super) name: String,
    pub(super) port: u16,
    pub(super) ready: String,
    operation: Operation,
    /// The status of a successful call.
    pub(super) success: u16,
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
        let operation = document.operations.iter().find(|operation| operation.probe.is_none());
        let operation = operation.context("the document declares only probes")?.clone();
        let success = success(&document.public, &operation)?;
        let Document { service, .. } = document;
        Ok(Self {
            folder: folder.to_owned(),
            name: service.name,
            port: service.port,
            ready,
            operation,
            success,
        })
    }

    /// Whether the operation requires a key.
    pub(super) fn requires_key(&self) -> bool {
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

/// The first 2xx status that an operation declares.
fn success(public: &str, operation: &Operation) -> anyhow::Result<u16> {
    let document: Value = serde_json::from_str(public)?;
    let method = operation.method.as_str().to_ascii_lowercase();
    let responses = &document["paths"][operation.path.to_string()][method]["responses"];
    let mut statuses = responses.as_object().context("no response")?.keys();
    let status = statuses.find(|status| status.starts_with('2')).context("no success")?;
    Ok(status.parse()?)
}
