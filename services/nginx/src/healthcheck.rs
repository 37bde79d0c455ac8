//! `sidecar healthcheck`: sends the liveness probe to the service, through the sidecar on this machine.
//!
//! It replaces `wget` in the image. It connects to an address and resolves no name.

use crate::settings::Settings;
use crate::{Failure, declaration};
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// Time limit for the whole check: the connection, the request and the first line of the answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Succeeds if the answer to the liveness probe is 200.
pub fn check(settings: &Settings) -> Result<(), Failure> {
    let document = declaration::read(&settings.document)?;
    let path = declaration::liveness(&document)?.path.to_string();
    let default = SocketAddr::from((Ipv4Addr::LOCALHOST, document.service.sidecar_port));
    let address = settings.listen.map_or(default, reachable);
    let status = ask(address, &path)
        .map_err(|error| Failure::Unhealthy(format!("no answer from {address}: {error}")))?;
    if status == "200" {
        return Ok(());
    }
    Err(Failure::Unhealthy(format!("{address}{path} answers {status:?} instead of 200")))
}

/// Replaces a wildcard by loopback.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

/// The status of the answer.
fn ask(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let end = Instant::now() + PATIENCE;
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let host = address;
    stream.write_all(
        format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").as_bytes(),
    )?;
    let mut head = Vec::new();
    let mut block = [0; 512];
    while !head.contains(&b'\n') {
        let left = end.saturating_duration_since(Instant::now());
        // Zero would mean no limit.
        stream.set_read_timeout(Some(left.max(Duration::from_millis(1))))?;
        match stream.read(&mut block)? {
            0 => break,
            read if head.len() < 4096 => head.extend_from_slice(&block[..read]),
            _ => break,
        }
    }
    let line = String::from_utf8_lossy(&head);
    let version = line.split(' ').next().is_some_and(|version| version.starts_with("HTTP/1."));
    let status = line.split_ascii_whitespace().nth(1).filter(|_| version);
    Ok(status.unwrap_or("no HTTP").to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::thread;

    /// Answers one request with these bytes, or accepts and sends nothing.
    fn server(answer: Option<&'static str>) -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut block = [0; 512];
            let read = stream.read(&mut block).unwrap();
            assert!(block[..read].starts_with(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:"));
            match answer {
                Some(answer) => stream.write_all(answer.as_bytes()).unwrap(),
                None => thread::sleep(Duration::from_secs(5)),
            }
        });
        address
    }

    #[test]
    fn status_comes_from_answer() {
        for (answer, status) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "200"),
            ("HTTP/1.1 503 Service Unavailable\r\n\r\n", "503"),
            ("HTTP/1.1 200\n", "200"),
            ("hello 200 world\r\n", "no HTTP"),
            ("", "no HTTP"),
        ] {
            assert_eq!(ask(server(Some(answer)), "/healthz").unwrap(), status, "{answer:?}");
        }
    }

    #[test]
    fn silent_server_and_closed_port_fail_in_time() {
        let begun = Instant::now();
        assert!(ask(server(None), "/healthz").is_err());
        let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        assert!(ask(closed, "/healthz").is_err());
        assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    }

    #[test]
    fn wildcard_becomes_loopback() {
        for (listen, expected) in [
            ("0.0.0.0:8081", "127.0.0.1:8081"),
            ("[::]:8081", "[::1]:8081"),
            ("192.0.2.1:80", "192.0.2.1:80"),
        ] {
            let listen: SocketAddr = listen.parse().unwrap();
            assert_eq!(reachable(listen).to_string(), expected);
        }
    }
}
