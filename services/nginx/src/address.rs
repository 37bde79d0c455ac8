//! Addresses to listen on and to call.

use std::fmt;
use std::net::SocketAddr;

/// Reads an address to listen on, such as `0.0.0.0:8081` or `[::]:8081`. A name, port 0 or a scope is invalid.
#[must_use]
pub fn socket(text: &str) -> Option<SocketAddr> {
    let address: SocketAddr = text.parse().ok()?;
    let scoped = matches!(address, SocketAddr::V6(address) if address.scope_id() != 0);
    (address.port() != 0 && !scoped).then_some(address)
}

/// The address of the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApiAddress {
    /// An IP address with a port.
    Socket(SocketAddr),
    /// A host name with a port. nginx resolves the name when it starts.
    Name(String, u16),
}

impl ApiAddress {
    /// Reads an address or a host name with a port.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(address) = socket(text) {
            return Some(Self::Socket(address));
        }
        let (host, port) = text.rsplit_once(':')?;
        let valid = (1..=253).contains(&host.len())
            && host.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
            && host.contains(|c: char| c.is_ascii_lowercase())
            && host.bytes().all(|c| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-'));
        let digits = !port.is_empty() && port.bytes().all(|c| c.is_ascii_digit());
        let port: u16 = port.parse().ok().filter(|port| digits && *port != 0)?;
        valid.then(|| Self::Name(host.into(), port))
    }
}

impl fmt::Display for ApiAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(address) => address.fmt(f),
            Self::Name(host, port) => write!(f, "{host}:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listen_address_has_no_name() {
        for text in ["0.0.0.0:8081", "127.0.0.1:1", "[::]:8081", "[2001:db8::1]:65535"] {
            assert_eq!(socket(text).map(|address| address.to_string()).as_deref(), Some(text));
        }
        for text in [
            "",
            "8081",
            "127.0.0.1",
            "127.0.0.1:0",
            "127.0.0.1:65536",
            "localhost:8081",
            "*:8081",
            "0.0.0.0:8081;",
            "[::1:8081",
            "::1:8081",
            "[fe80::1%1]:80",
            "01.0.0.1:80",
            "[::]:0",
            " 127.0.0.1:80",
        ] {
            assert_eq!(socket(text), None, "{text:?}");
        }
    }

    #[test]
    fn service_can_have_name() {
        for text in ["127.0.0.1:8080", "[::1]:8080", "api:8080", "api.internal:80", "1a:80"] {
            assert_eq!(ApiAddress::parse(text).map(|a| a.to_string()).as_deref(), Some(text));
        }
        for text in [
            "",
            "127.0.0.1",
            ":8080",
            "127.0.0.1:0",
            "http://127.0.0.1:8080",
            "a b:80",
            "api:+80",
            "127.0.0.1:8080;",
            "API:80",
            "-a:80",
            "a_b:80",
            "1.2.3:80",
            "api:",
            "api:65536",
            "api:80\n",
            "a$b:80",
        ] {
            assert_eq!(ApiAddress::parse(text), None, "{text:?}");
        }
        assert_eq!(ApiAddress::parse(&format!("{}:80", "a".repeat(254))), None);
    }
}
