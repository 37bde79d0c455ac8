//! `DATABASE_URL`: which database, without its password in any text.

use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use thiserror::Error;

/// Passwords that everybody tries first. They are compared without case.
pub const WELL_KNOWN_SECRETS: [&str; 4] = ["supersecret", "admin123", "guest", "CHANGEME"];

/// The parameters of a PostgreSQL URL that are understood. Others could weaken the connection without notice.
const PARAMETERS: [&str; 3] = ["host", "sslmode", "sslrootcert"];

/// A database.
#[derive(Clone)]
pub enum Target {
    /// A SQLite file.
    SqliteFile(PathBuf),
    /// A SQLite database in memory.
    SqliteMemory,
    /// A PostgreSQL server, or a PgBouncer.
    Postgres(Box<PgConnectOptions>),
}

/// Why a URL is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the database URL {0}")]
pub struct InvalidTarget(String);

impl Target {
    /// Parses `sqlite:FILE`, `sqlite::memory:` or `postgres://…`.
    pub fn parse(url: &str) -> Result<Self, InvalidTarget> {
        match url.split_once(':') {
            Some(("sqlite", ":memory:")) => Ok(Self::SqliteMemory),
            Some(("sqlite", path)) => sqlite(path.strip_prefix("//").unwrap_or(path)),
            Some(("postgres" | "postgresql", _)) => postgres(url),
            // The text is not shown, because it could contain a password.
            _ => Err(invalid(
                "has an unknown scheme. Use sqlite:FILE, sqlite::memory: or postgres://USER@HOST/DATABASE",
            )),
        }
    }
}

fn invalid(text: impl Into<String>) -> InvalidTarget {
    InvalidTarget(text.into())
}

fn sqlite(path: &str) -> Result<Target, InvalidTarget> {
    if path.is_empty() || path.contains('?') {
        return Err(invalid("must be sqlite:FILE, without parameters, or sqlite::memory:"));
    }
    Ok(Target::SqliteFile(path.into()))
}

fn postgres(url: &str) -> Result<Target, InvalidTarget> {
    let mut mode = None;
    for parameter in url.split_once('?').map_or("", |(_, query)| query).split('&') {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        if !name.is_empty() && !PARAMETERS.contains(&name) {
            return Err(invalid(format!(
                "has an unknown parameter. Known are {}",
                PARAMETERS.join(", ")
            )));
        }
        // `sqlx` uses the last of several values.
        if name == "sslmode" && mode.replace(value).is_some() {
            return Err(invalid("has sslmode twice. Keep one"));
        }
    }
    let options: PgConnectOptions = url.parse().map_err(|_| {
        invalid("is not valid. Use postgres://USER:PASSWORD@HOST:PORT/DATABASE, and percent-encode special characters")
    })?;
    if options.get_database().is_none() {
        return Err(invalid("names no database. Add /DATABASE after the host"));
    }
    // `sqlx` has no getter for the password.
    if let Some(password) = options.to_url_lossy().password()
        && WELL_KNOWN_SECRETS.iter().any(|known| known.eq_ignore_ascii_case(password))
    {
        return Err(invalid("has a well-known password. Give the database user another one"));
    }
    let options = match mode {
        None if is_local(&options) => options.ssl_mode(PgSslMode::Prefer),
        None => options.ssl_mode(PgSslMode::VerifyFull),
        Some(_) if is_local(&options) => options,
        Some(mode) if mode.eq_ignore_ascii_case("verify-full") => options,
        Some(_) => {
            return Err(invalid(
                "has an sslmode that does not verify the server. Use sslmode=verify-full, and sslrootcert=FILE \
                if the certificate authority is not a public one",
            ));
        }
    };
    Ok(Target::Postgres(Box::new(options)))
}

/// Whether no other machine can read or change the traffic.
fn is_local(options: &PgConnectOptions) -> bool {
    let host = options.get_host();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    options.get_socket().is_some()
        || host.starts_with('/')
        || host == "localhost"
        || address.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

/// Without the password.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SqliteFile(path) => write!(f, "sqlite:{}", path.display()),
            Self::SqliteMemory => f.write_str("sqlite::memory:"),
            Self::Postgres(options) => {
                let (host, port) = (options.get_host(), options.get_port());
                let database = options.get_database().unwrap_or_default();
                write!(f, "postgres://{}@{host}:{port}/{database}", options.get_username())
            }
        }
    }
}

/// Without the password.
impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn target_is_shown_without_its_password() {
        for (url, shown) in [
            ("sqlite:state/tasks.db", "sqlite:state/tasks.db"),
            ("sqlite:///var/lib/tasks.db", "sqlite:/var/lib/tasks.db"),
            ("sqlite::memory:", "sqlite::memory:"),
            ("postgres://me:s%40cret@db.example:6432/tasks", "postgres://me@db.example:6432/tasks"),
            (
                "postgresql://me@127.0.0.1:1/tasks?sslmode=disable",
                "postgres://me@127.0.0.1:1/tasks",
            ),
        ] {
            let target = Target::parse(url).unwrap();
            assert_eq!(target.to_string(), shown);
            assert_eq!(format!("{target:?}"), shown);
        }
    }

    #[test]
    fn invalid_url_is_refused_without_its_password() {
        for (url, reason) in [
            ("hunter2", "unknown scheme"),
            ("mysql://me:hunter2@db/tasks", "unknown scheme"),
            ("sqlite:", "sqlite:FILE"),
            ("sqlite:tasks.db?mode=rw", "without parameters"),
            ("postgres://me:hunter2@db", "names no database"),
            ("postgres://me:hunter2@db:99999/tasks", "is not valid"),
            ("postgres://me:hunter2#@db/tasks", "is not valid"),
            ("postgres://me:supersecret@db/tasks", "well-known"),
            ("postgres://me:changeme@127.0.0.1/tasks", "well-known"),
            ("postgres://me:%67uest@127.0.0.1/tasks", "well-known"),
            ("postgres://me@db/tasks?password=hunter2", "unknown parameter"),
            ("postgres://me@db/tasks?options=-c%20x%3Dhunter2", "unknown parameter"),
        ] {
            let error = Target::parse(url).unwrap_err().to_string();
            assert!(error.contains(reason), "{url}: {error}");
            assert!(!error.contains("hunter2"), "{url}: {error}");
        }
    }

    #[test]
    fn remote_server_is_always_verified() {
        let mode = |url: &str| match Target::parse(url) {
            Ok(Target::Postgres(options)) => Ok(format!("{:?}", options.get_ssl_mode())),
            Ok(other) => panic!("{other}"),
            Err(error) => Err(error.to_string()),
        };
        let verified = Ok("VerifyFull".to_owned());
        assert_eq!(mode("postgres://me@db/tasks"), verified);
        assert_eq!(
            mode("postgres://me@db/tasks?sslmode=verify-full&sslrootcert=/ca.pem"),
            verified
        );
        assert_eq!(mode("postgres://me@127.0.0.1/tasks?host=db"), verified);
        for weak in ["disable", "allow", "prefer", "require", "verify-ca"] {
            let error = mode(&format!("postgres://me@db/tasks?sslmode={weak}")).unwrap_err();
            assert!(error.contains("sslmode=verify-full"), "{weak}: {error}");
            for local in ["localhost", "127.0.0.1", "[::1]", "%2Frun%2Fpostgresql"] {
                assert!(mode(&format!("postgres://me@{local}/tasks?sslmode={weak}")).is_ok());
            }
        }
        for doubled in
            ["sslmode=verify-full&sslmode=disable", "sslmode=disable&sslmode=verify-full"]
        {
            assert!(mode(&format!("postgres://me@db/tasks?{doubled}")).is_err(), "{doubled}");
        }
    }
}
