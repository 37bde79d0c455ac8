//! The parts of `BROKER_URL`.

use super::Target;
use super::link::Failure;
use super::transport::Tls;
use lapin::uri::{AMQPAuthority, AMQPQueryString, AMQPScheme, AMQPUri, AMQPUserInfo};
use percent_encoding::percent_decode_str;
use url::Url;

/// The seconds between two signs of life. A connection without two of them is lost.
const HEARTBEAT: u16 = 10;

/// A server, and how it proves that it is the right one.
pub(super) struct Address {
    /// For `lapin`. It has the password.
    pub(super) uri: AMQPUri,
    /// `None` without TLS.
    pub(super) tls: Option<Tls>,
}

impl Address {
    /// Reads a URL. A user is required, because the one that AMQP has by default is well known.
    pub(super) fn of(target: &Target) -> Result<Self, Failure> {
        let url = Url::parse(target.url()).map_err(|_| invalid("is not a URL"))?;
        if url.username().is_empty() {
            return Err(invalid("names no user"));
        }
        let scheme = if url.scheme() == "amqps" { AMQPScheme::AMQPS } else { AMQPScheme::AMQP };
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let port = url.port().unwrap_or(scheme.default_port());
        let userinfo = AMQPUserInfo {
            username: decoded(url.username())?,
            password: decoded(url.password().unwrap_or_default())?,
        };
        let vhost = match decoded(url.path().trim_start_matches('/'))? {
            none if none.is_empty() => "/".to_owned(),
            vhost => vhost,
        };
        let mut authorities = None;
        for (name, value) in url.query_pairs() {
            match &*name {
                "sslrootcert" => authorities = Some(value.into_owned().into()),
                _ => return Err(invalid("has an unknown parameter. Only sslrootcert is known")),
            }
        }
        let tls = (scheme == AMQPScheme::AMQPS).then(|| Tls { name: host.clone(), authorities });
        let authority = AMQPAuthority { userinfo, host, port };
        let query = AMQPQueryString { heartbeat: Some(HEARTBEAT), ..Default::default() };
        Ok(Self { uri: AMQPUri { scheme, authority, vhost, query }, tls })
    }
}

fn decoded(text: &str) -> Result<String, Failure> {
    let decoded = percent_decode_str(text).decode_utf8();
    decoded.map(String::from).map_err(|_| invalid("is not UTF-8"))
}

fn invalid(text: &str) -> Failure {
    Failure::Refused(format!("BROKER_URL {text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> Result<Address, Failure> {
        Address::of(&Target::parse(url).unwrap())
    }

    #[test]
    fn url_names_a_user_a_host_and_a_virtual_host() {
        for (url, host, port, vhost, is_encrypted) in [
            ("amqp://a%2Fb:c%40d@127.0.0.1", "127.0.0.1", 5672, "/", false),
            ("amqp://a%2Fb:c%40d@[::1]:5000/", "::1", 5000, "/", false),
            ("amqps://a%2Fb:c%40d@example.com/tasks", "example.com", 5671, "tasks", true),
            ("amqps://a%2Fb:c%40d@example.com:1/%2ftasks", "example.com", 1, "/tasks", true),
        ] {
            let Address { uri, tls } = read(url).unwrap();
            let AMQPAuthority { userinfo, host: name, port: number } = uri.authority;
            assert_eq!((userinfo.username.as_str(), userinfo.password.as_str()), ("a/b", "c@d"));
            assert_eq!((name.as_str(), number, uri.vhost.as_str()), (host, port, vhost), "{url}");
            let name = is_encrypted.then_some(host);
            assert_eq!(tls.as_ref().map(|tls| tls.name.as_str()), name, "{url}");
        }
        let tls = read("amqps://a:b@example.com/tasks?sslrootcert=/a%20b.pem").unwrap().tls;
        assert_eq!(tls.unwrap().authorities, Some("/a b.pem".into()));
    }

    #[test]
    fn url_without_a_user_or_with_another_parameter_is_refused() {
        for (url, says) in [
            ("amqp://127.0.0.1", "BROKER_URL names no user"),
            ("amqp://:secret-word@127.0.0.1", "BROKER_URL names no user"),
            ("amqp://a:secret-word@127.0.0.1?verify=none", "BROKER_URL has an unknown parameter"),
        ] {
            let error = read(url).map(|_| ()).unwrap_err().to_string();
            assert!(error.starts_with(says) && !error.contains("secret-word"), "{url}: {error}");
        }
    }
}
