//! `SMTP_URL`: the mail server, without its password in any text.

use crate::store::WELL_KNOWN_SECRETS;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{
    Certificate, CertificateStore, Tls, TlsParameters, TlsParametersBuilder,
};
use percent_encoding::percent_decode_str;
use std::fmt;
use std::net::IpAddr;
use thiserror::Error;
use url::{Host, Url};

/// RFC 8314: TLS from the start.
const PORT_OF_TLS: u16 = 465;
/// RFC 6409: TLS after `STARTTLS`.
const PORT: u16 = 587;

/// RFC 7468, section 5.1.
const BEGIN: &str = "-----BEGIN CERTIFICATE-----";

/// A mail server.
#[derive(Clone)]
pub struct Server {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) tls: Tls,
    pub(super) credentials: Option<Credentials>,
}

/// Why a URL is refused. The text continues the name of the setting, and contains no part of the URL.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct InvalidServer(&'static str);

impl Server {
    /// Parses `smtps://…`, `smtp://…?tls=required`, or `smtp://…` for a host on loopback. `sslrootcert=FILE` names the
    /// only authority that is trusted instead of those of the system.
    pub fn parse(text: &str) -> Result<Self, InvalidServer> {
        let url = Url::parse(text).map_err(|_| {
            InvalidServer(
                "is not valid. Use smtps://USER:PASSWORD@HOST, and percent-encode special characters",
            )
        })?;
        let is_wrapped = match url.scheme() {
            "smtps" => true,
            "smtp" => false,
            _ => {
                return Err(InvalidServer("has an unknown scheme. Use smtps://USER:PASSWORD@HOST"));
            }
        };
        if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
            return Err(InvalidServer("must have only parameters after the host"));
        }
        let host =
            host(&url).ok_or(InvalidServer("names no host. Use smtps://USER:PASSWORD@HOST"))?;
        let (mut tls, mut authority) = (None, None);
        for (name, value) in url.query_pairs() {
            let place = match &*name {
                "tls" => &mut tls,
                "sslrootcert" => &mut authority,
                _ => {
                    return Err(InvalidServer(
                        "has an unknown parameter. Known are tls, sslrootcert",
                    ));
                }
            };
            if place.replace(value.into_owned()).is_some() {
                return Err(InvalidServer("has a parameter twice. Keep one"));
            }
        }
        let parameters = || parameters(&host, authority.as_deref());
        let tls = match (is_wrapped, tls.as_deref()) {
            (true, None | Some("required")) => Tls::Wrapper(parameters()?),
            (false, Some("required")) => Tls::Required(parameters()?),
            (false, None) if is_local(&host) && authority.is_none() => Tls::None,
            _ => {
                return Err(InvalidServer(
                    "does not require TLS. Use smtps://, or smtp:// with tls=required",
                ));
            }
        };
        let port = url.port().unwrap_or(if is_wrapped { PORT_OF_TLS } else { PORT });
        Ok(Self { host, port, tls, credentials: credentials(&url)? })
    }
}

/// An IPv6 address without its brackets.
fn host(url: &Url) -> Option<String> {
    let host = url.host_str().filter(|host| !host.is_empty())?;
    let address = host.trim_start_matches('[').trim_end_matches(']');
    // A scheme that is not one of the web has its host as it was written.
    let domain = Host::parse(host).ok()?;
    Some(if matches!(domain, Host::Ipv6(_)) { address.to_owned() } else { domain.to_string() })
}

/// Whether no other machine can read or change the traffic.
fn is_local(host: &str) -> bool {
    host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

fn parameters(host: &str, authority: Option<&str>) -> Result<TlsParameters, InvalidServer> {
    let mut builder = TlsParametersBuilder::new(host.to_owned());
    if let Some(path) = authority {
        let pem = std::fs::read_to_string(path)
            .map_err(|_| InvalidServer("has an sslrootcert that cannot be read as text"))?;
        // A text without a certificate would be read as no authority.
        let certificate =
            Certificate::from_pem(pem.as_bytes()).ok().filter(|_| pem.contains(BEGIN));
        let certificate =
            certificate.ok_or(InvalidServer("has an sslrootcert that is no certificate in PEM"))?;
        builder =
            builder.certificate_store(CertificateStore::None).add_root_certificate(certificate);
    }
    builder.build().map_err(|_| InvalidServer("needs TLS, which cannot be prepared"))
}

fn credentials(url: &Url) -> Result<Option<Credentials>, InvalidServer> {
    let decoded = |text: &str| {
        let text = percent_decode_str(text).decode_utf8();
        let text = text.map_err(|_| InvalidServer("has a user or a password that is not UTF-8"))?;
        if text.contains(char::is_control) {
            return Err(InvalidServer("has a control character in the user or the password"));
        }
        Ok(text.into_owned())
    };
    let (user, password) = (decoded(url.username())?, decoded(url.password().unwrap_or_default())?);
    if user.is_empty() && password.is_empty() {
        return Ok(None);
    }
    if user.is_empty() || password.is_empty() {
        return Err(InvalidServer("has only one of user and password. Give both, or none"));
    }
    if WELL_KNOWN_SECRETS.iter().any(|known| known.eq_ignore_ascii_case(&password)) {
        return Err(InvalidServer(
            "has a well-known password. Give the user of the mail server another one",
        ));
    }
    Ok(Some(Credentials::new(user, password)))
}

/// Without the password.
impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{} ({:?})", self.host, self.port, self.tls)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_decides_about_tls() {
        for (url, shown) in [
            ("smtps://me:s%40cret@mail.example", "mail.example:465 (Wrapper)"),
            ("smtps://me:hunter2@MAIL.example:2465?tls=required", "mail.example:2465 (Wrapper)"),
            ("smtp://me:hunter2@mail.example?tls=required", "mail.example:587 (Required)"),
            ("smtp://mail.example/?tls=required", "mail.example:587 (Required)"),
            ("smtp://localhost:25", "localhost:25 (None)"),
            ("smtp://127.0.0.1", "127.0.0.1:587 (None)"),
            ("smtp://[::1]:2525", "::1:2525 (None)"),
        ] {
            assert_eq!(format!("{:?}", Server::parse(url).unwrap()), shown, "{url}");
        }
    }

    #[test]
    fn invalid_url_is_refused_without_its_parts() {
        for (url, reason) in [
            ("", "is not valid"),
            ("hunter2", "is not valid"),
            ("https://me:hunter2@mail.example", "unknown scheme"),
            ("smtps://", "names no host"),
            ("smtps:mail.example", "only parameters"),
            ("smtps://me:hunter2@mail.example/hunter2", "only parameters"),
            ("smtps://me:hunter2@mail.example#hunter2", "only parameters"),
            ("smtps://me:hunter2@mail.example:99999", "is not valid"),
            ("smtp://me:hunter2@mail.example", "does not require TLS"),
            ("smtp://me:hunter2@mail.example?tls=opportunistic", "does not require TLS"),
            ("smtps://me:hunter2@mail.example?tls=none", "does not require TLS"),
            ("smtp://localhost.evil.example", "does not require TLS"),
            ("smtp://127.0.0.1.evil.example", "does not require TLS"),
            ("smtp://mail.example?tls=required&tls=none", "twice"),
            ("smtp://mail.example?TLS=required", "unknown parameter"),
            ("smtps://mail.example?sslrootcert=/hunter2", "cannot be read"),
            ("smtps://mail.example?sslrootcert=/proc/self/status", "no certificate"),
            ("smtp://localhost?sslrootcert=/hunter2", "does not require TLS"),
            ("smtps://me@mail.example", "only one of"),
            ("smtps://:hunter2@mail.example", "only one of"),
            ("smtps://me:hunter2%0d@mail.example", "control character"),
            ("smtps://me:hunter2%ff@mail.example", "not UTF-8"),
            ("smtps://me:supersecret@mail.example", "well-known"),
            ("smtps://me:changeme@mail.example", "well-known"),
            ("smtps://guest:%67uest@mail.example", "well-known"),
        ] {
            let error = Server::parse(url).unwrap_err().to_string();
            assert!(error.contains(reason), "{url}: {error}");
            assert!(!error.contains("hunter2") && !error.contains("example"), "{url}: {error}");
        }
    }
}
