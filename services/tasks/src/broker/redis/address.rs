//! The URL of a server: `redis://USER:PASSWORD@HOST:PORT/DATABASE?prefix=PREFIX&sslrootcert=FILE`.

use super::stream::Error;
use redis::{Client, ConnectionInfo, IntoConnectionInfo as _, TlsCertificates};
use std::path::PathBuf;
use tokio::fs::read;
use url::Url;

/// The longest prefix.
const LONGEST: usize = 64;

/// The server, and the prefix of all keys.
pub(super) struct Address {
    server: ConnectionInfo,
    pub(super) prefix: String,
    /// The file of the authority that is trusted instead of those of the system.
    authority: Option<PathBuf>,
}

/// Refuses a URL with parts that would have no effect.
pub fn check(url: &Url) -> Result<(), &'static str> {
    Address::parse(url).map(drop)
}

impl Address {
    /// No error shows a part of the URL.
    pub(super) fn parse(url: &Url) -> Result<Self, &'static str> {
        if url.fragment().is_some() {
            return Err("has a part after #. Remove it: certificates are always verified");
        }
        let database = url.path().trim_start_matches('/');
        if !database.is_empty() && database.parse::<u16>().is_err() {
            return Err("has a path that is no number of a database, such as /1");
        }
        let (mut prefix, mut authority) = (String::new(), None);
        for (name, value) in url.query_pairs() {
            match &*name {
                "prefix" if is_prefix(&value) => prefix = format!("{value}:"),
                "prefix" => return Err("has an invalid prefix. Use 1 to 64 letters, digits and -"),
                "sslrootcert" if url.scheme() == "rediss" => authority = Some((&*value).into()),
                "sslrootcert" => return Err("has sslrootcert, but is not encrypted. Use rediss"),
                _ => return Err("has an unknown parameter. Use prefix or sslrootcert"),
            }
        }
        let mut server = url.clone();
        server.set_query(None);
        let server = server.into_connection_info();
        let server = server.map_err(|_| "is not the address of a Redis server")?;
        Ok(Self { server, prefix, authority })
    }

    /// Reads the file of the authority.
    pub(super) async fn client(&self) -> Result<Client, Error> {
        let Some(file) = &self.authority else { return Client::open(self.server.clone()) };
        let root_cert = Some(read(file).await?);
        Client::build_with_tls(self.server.clone(), TlsCertificates { client_tls: None, root_cert })
    }
}

fn is_prefix(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (1..=LONGEST).contains(&text.len()) && text.bytes().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<Address, &'static str> {
        Address::parse(&Url::parse(url).unwrap())
    }

    #[test]
    fn address_has_a_database_and_a_prefix() {
        for (url, database, prefix) in [
            ("redis://127.0.0.1", 0, ""),
            ("redis://127.0.0.1:7000/", 0, ""),
            ("redis://127.0.0.1/3", 3, ""),
            ("rediss://user:secret-word@cache.example.com/12?prefix=blue-1", 12, "blue-1:"),
        ] {
            let address = parse(url).unwrap();
            let settings = address.server.redis_settings();
            assert_eq!((settings.db(), &*address.prefix), (database, prefix), "{url}");
            assert_eq!(settings.password().is_some(), url.contains('@'), "{url}");
        }
    }

    #[test]
    fn part_without_effect_is_refused() {
        for (url, says) in [
            ("rediss://cache.example.com/#insecure", "after #"),
            ("redis://127.0.0.1/tasks", "number of a database"),
            ("redis://127.0.0.1/70000", "number of a database"),
            ("redis://127.0.0.1/?prefix=", "invalid prefix"),
            ("redis://127.0.0.1/?prefix=a:b", "invalid prefix"),
            ("redis://127.0.0.1/?protocol=resp3", "unknown parameter"),
            ("redis://127.0.0.1/?sslrootcert=ca.pem", "not encrypted"),
        ] {
            let error = parse(url).err().unwrap();
            assert!(error.contains(says), "{url}: {error}");
        }
    }
}
