//! `BROKER_URL`: which broker, without its password in any text.

use crate::store::WELL_KNOWN_SECRETS;
use secrecy::{ExposeSecret as _, SecretString};
use std::fmt;
use thiserror::Error;
use url::{Host, Url};

/// The schemes of all brokers.
const SCHEMES: [&str; 6] = ["redis", "rediss", "amqp", "amqps", "https", "http"];

/// A broker.
#[derive(Clone)]
pub struct Target {
    /// The kind.
    pub kind: Kind,
    url: SecretString,
    shown: String,
}

/// The kinds of brokers in this build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Redis or Valkey: a stream with a consumer group.
    #[cfg(feature = "redis")]
    Redis,
    /// `RabbitMQ`: a quorum queue.
    #[cfg(feature = "amqp")]
    Amqp,
    /// Amazon SQS. The URL is that of the queue.
    #[cfg(feature = "sqs")]
    Sqs,
}

/// Why a URL is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct InvalidBroker(String);

impl Target {
    /// Parses `redis://…`, `rediss://…`, `amqp://…`, `amqps://…` or the URL of a queue of SQS.
    pub fn parse(url: &str) -> Result<Self, InvalidBroker> {
        // The text is not shown, because it could contain a password.
        let parsed = Url::parse(url).map_err(|_| {
            invalid("is not a URL. Use redis://HOST, amqp://USER:PASSWORD@HOST or https://sqs.…")
        })?;
        let (kind, is_encrypted) = kind(parsed.scheme())?;
        if parsed.host().is_none() {
            return Err(invalid("names no host"));
        }
        if !is_encrypted && !is_loopback(&parsed) {
            return Err(invalid(
                "is not encrypted, and its host is not loopback. Use rediss, amqps or https",
            ));
        }
        if parsed.password().is_some_and(is_well_known) || is_well_known(parsed.username()) {
            return Err(invalid("contains a well-known password or user. Choose others"));
        }
        #[cfg(feature = "redis")]
        if kind == Kind::Redis {
            super::redis::check(&parsed).map_err(invalid)?;
        }
        let shown = format!(
            "{}://{}{}",
            parsed.scheme(),
            parsed.host_str().unwrap_or_default(),
            parsed.port().map_or(String::new(), |port| format!(":{port}"))
        );
        Ok(Self { kind, url: url.into(), shown })
    }

    /// The whole URL, with its secrets.
    #[must_use]
    pub fn url(&self) -> &str {
        self.url.expose_secret()
    }
}

/// The kind of a scheme, and whether its connections are encrypted.
fn kind(scheme: &str) -> Result<(Kind, bool), InvalidBroker> {
    match scheme {
        #[cfg(feature = "redis")]
        "redis" => Ok((Kind::Redis, false)),
        #[cfg(feature = "redis")]
        "rediss" => Ok((Kind::Redis, true)),
        #[cfg(feature = "amqp")]
        "amqp" => Ok((Kind::Amqp, false)),
        #[cfg(feature = "amqp")]
        "amqps" => Ok((Kind::Amqp, true)),
        #[cfg(feature = "sqs")]
        "https" => Ok((Kind::Sqs, true)),
        #[cfg(feature = "sqs")]
        "http" => Ok((Kind::Sqs, false)),
        other if SCHEMES.contains(&other) => {
            Err(invalid("names a broker that this build does not have. Build with its feature"))
        }
        _ => Err(invalid("has an unknown scheme. Use redis, rediss, amqp, amqps or https")),
    }
}

fn is_well_known(text: &str) -> bool {
    WELL_KNOWN_SECRETS.iter().any(|secret| text.eq_ignore_ascii_case(secret))
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost" || is_literal(name),
        None => false,
    }
}

/// A URL of an unknown scheme keeps an address as text.
fn is_literal(name: &str) -> bool {
    name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn invalid(text: impl Into<String>) -> InvalidBroker {
    InvalidBroker(text.into())
}

/// Without the user and the password.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(all(test, feature = "redis", feature = "amqp", feature = "sqs"))]
mod tests {
    use super::*;

    #[test]
    fn url_is_accepted_or_refused_without_its_password() {
        for (url, kind) in [
            ("redis://127.0.0.1:6379", Kind::Redis),
            ("redis://localhost", Kind::Redis),
            ("redis://[::1]:6379", Kind::Redis),
            ("rediss://user:secret-word@cache.example.com", Kind::Redis),
            ("amqp://tasks:secret-word@127.0.0.1:5672/tasks", Kind::Amqp),
            ("amqps://tasks:secret-word@broker.example.com/tasks", Kind::Amqp),
            ("https://sqs.eu-central-1.amazonaws.com/123456789012/tasks", Kind::Sqs),
            ("http://127.0.0.1:5000/123456789012/tasks", Kind::Sqs),
        ] {
            let target = Target::parse(url).unwrap();
            assert_eq!(target.kind, kind, "{url}");
            let shown = format!("{target} {target:?}");
            assert!(!shown.contains("secret-word") && !shown.contains("user"), "{shown}");
        }
        for (url, says) in [
            ("", "is not a URL"),
            ("tasks", "is not a URL"),
            ("kafka://127.0.0.1", "unknown scheme"),
            ("redis:///", "no host"),
            ("redis://cache.example.com", "not encrypted"),
            ("redis://10.0.0.1", "not encrypted"),
            ("http://sqs.example.com/1/tasks", "not encrypted"),
            ("amqp://guest:secret-word@127.0.0.1", "well-known"),
            ("amqp://tasks:GUEST@127.0.0.1", "well-known"),
            ("rediss://:changeme@cache.example.com", "well-known"),
        ] {
            let error = Target::parse(url).unwrap_err().to_string();
            assert!(error.contains(says) && !error.contains("secret-word"), "{url}: {error}");
        }
    }
}
