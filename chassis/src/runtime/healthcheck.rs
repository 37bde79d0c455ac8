//! `healthcheck`: the container's health check, so that the image needs no shell and no `curl`.

use bytes::Bytes;
use http_body_util::Empty;
use hyper::header::{CONNECTION, HOST};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Time limit for the whole check.
pub const WITHIN: Duration = Duration::from_secs(2);

/// Why the API is not healthy.
#[derive(Debug, Error)]
pub enum Unhealthy {
    /// No process listens.
    #[error("cannot connect to {0}: {1}")]
    Connect(SocketAddr, std::io::Error),
    /// The listening process does not speak HTTP.
    #[error("{0} gave no HTTP answer: {1}")]
    Http(SocketAddr, hyper::Error),
    /// The answer has another status than 200.
    #[error("{0} answered {1}")]
    Status(SocketAddr, StatusCode),
    /// No answer.
    #[error("{0} did not answer within 2 s")]
    Timeout(SocketAddr),
}

/// Sends a request for `/healthz` to the API that listens on `address`.
pub async fn check(address: SocketAddr) -> Result<(), Unhealthy> {
    let address = reachable(address);
    timeout(WITHIN, ask(address)).await.unwrap_or(Err(Unhealthy::Timeout(address)))
}

/// Replaces a wildcard by loopback, because a client cannot connect to a wildcard.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

async fn ask(address: SocketAddr) -> Result<(), Unhealthy> {
    let stream =
        TcpStream::connect(address).await.map_err(|error| Unhealthy::Connect(address, error))?;
    let http = |error| Unhealthy::Http(address, error);
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(http)?;
    let request = Request::get("/healthz")
        .header(HOST, address.to_string())
        .header(CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .expect("a fixed request is well-formed");
    let answer = async { sender.send_request(request).await.map_err(http) };
    // The connection must be polled while the answer is awaited. The first error of the two is the result.
    let answer = tokio::select! {
        answer = answer => answer?,
        Err(error) = connection => return Err(http(error)),
    };
    match answer.status() {
        StatusCode::OK => Ok(()),
        other => Err(Unhealthy::Status(address, other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcard_becomes_loopback() {
        for (listen, ask) in [
            ("0.0.0.0:8080", "127.0.0.1:8080"),
            ("[::]:8080", "[::1]:8080"),
            ("127.0.0.2:1", "127.0.0.2:1"),
        ] {
            assert_eq!(reachable(listen.parse().unwrap()), ask.parse().unwrap());
        }
    }
}
