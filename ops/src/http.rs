//! One plain HTTP/1.1 exchange on a connection of its own.
//!
//! The load generator keeps its connections; everything else here asks seldom enough that a fresh
//! connection is the honest and the simple way.

use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::HeaderMap;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long one exchange may take, connecting included.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// A request under construction.
#[derive(Debug)]
pub struct Request {
    address: String,
    builder: hyper::http::request::Builder,
    body: Bytes,
}

impl Request {
    /// `address` is `host:port`.
    #[must_use]
    pub fn new(method: &str, address: &str, path: &str) -> Self {
        Self {
            address: address.to_owned(),
            builder: hyper::Request::builder().method(method).uri(path),
            body: Bytes::new(),
        }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.builder = self.builder.header(name, value);
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }
}

/// The whole answer.
#[derive(Debug)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: Bytes,
}

impl Answer {
    /// The body as text, what is not UTF-8 replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header as text; empty when it is absent.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
    }
}

/// Sends the request and reads the answer to its end.
pub async fn send(request: Request) -> anyhow::Result<Answer> {
    let address = request.address.clone();
    timeout(DEADLINE, exchange(request))
        .await
        .with_context(|| format!("{address} did not answer within {} s", DEADLINE.as_secs()))?
}

async fn exchange(mut request: Request) -> anyhow::Result<Answer> {
    if request.builder.headers_ref().is_some_and(|h| !h.contains_key("host")) {
        request.builder = request.builder.header("host", &request.address);
    }
    let message = request.builder.body(Full::new(request.body)).context("not a request")?;
    let stream = TcpStream::connect(&request.address)
        .await
        .with_context(|| format!("cannot reach {}", request.address))?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let answer = sender.send_request(message).await?;
    let (parts, body) = answer.into_parts();
    let body = body.collect().await?.to_bytes();
    connection.abort();
    Ok(Answer { status: parts.status.as_u16(), headers: parts.headers, body })
}
