//! The settings of the processes, checked together.

use crate::bearer::{Issuer, SigningKeysError};
use crate::cli::{ProcessArgs, ServeArgs, TokenArgs};
use crate::connections::Limits;
use crate::document::{Access, Document};
use crate::keys::{KeyListError, KeyRing};
use crate::password::{Password, WeakPassword};
use crate::telemetry::LogFormat;
use secrecy::{ExposeSecret, SecretString};
use std::env::VarError;
use std::net::SocketAddr;
use std::time::Duration;
use thiserror::Error;
use tracing::Level;

/// Where a list of keys comes from.
#[derive(Debug)]
pub enum Source<K> {
    /// No list: the service needs none.
    None,
    /// The environment, already read.
    Environment(K),
    /// The SSM parameter of this name.
    Parameter(String),
    /// The service, which made the list itself.
    Service(K),
}

impl<K> Source<K> {
    /// The setting in use, for the log.
    #[must_use]
    pub fn name(&self, variable: &'static str, parameter: &'static str) -> &'static str {
        match self {
            Self::None => "none",
            Self::Environment(_) => variable,
            Self::Parameter(_) => parameter,
            Self::Service(_) => "service",
        }
    }
}

/// The settings of bearer tokens.
#[derive(Debug)]
pub struct Tokens {
    /// The source of the keys that sign them.
    pub issuer: Source<Issuer>,
    /// The claim `iss`.
    pub iss: String,
    /// The claim `aud`.
    pub aud: String,
}

/// The settings of every process that runs until a stop signal.
#[derive(Debug)]
pub struct ProcessConfig {
    /// Address of the private listener.
    pub metrics_listen: SocketAddr,
    /// The password of the private listener.
    pub metrics_password: Option<Password>,
    /// Format of the log.
    pub log_format: LogFormat,
    /// Level of the log.
    pub log_level: Level,
}

/// All settings of `serve`.
#[derive(Debug)]
pub struct Config {
    /// Those of every process.
    pub process: ProcessConfig,
    /// Address to listen on.
    pub listen: SocketAddr,
    /// Threads that answer requests; at least 1.
    pub worker_threads: usize,
    /// The source of the keys of callers. `None` means that only the sidecar checks them.
    pub keys: Source<KeyRing>,
    /// The settings of bearer tokens. `None` if no operation requires a token.
    pub tokens: Option<Tokens>,
    /// Time limit for a whole body.
    pub body_timeout: Duration,
    /// The server's bounds.
    pub limits: Limits,
}

/// Invalid configuration. Each message contains the setting and the rule, but no secret.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// Keys are required, but not set.
    #[error(
        "API_KEY is not set; set API_KEY or API_KEY_PARAMETER, or REQUIRE_API_KEY=false to leave keys to the sidecar"
    )]
    NoKeys,
    /// Tokens are required, but no signing key is set.
    #[error("JWT_KEYS is not set; set JWT_KEYS or JWT_KEYS_PARAMETER")]
    NoSigningKeys,
    /// Both sources of a list are set.
    #[error("{0} and {0}_PARAMETER are both set; set exactly one of them")]
    TwoSources(&'static str),
    /// A list that breaks a rule.
    #[error("{API_KEY} {0}")]
    Keys(#[from] KeyListError),
    /// A list of signing keys that breaks a rule.
    #[error("{JWT_KEYS} {0}")]
    SigningKeys(#[from] SigningKeysError),
    /// The private listener would be open to other machines.
    #[error(
        "METRICS_LISTEN is {0}, which is not loopback, and METRICS_PASSWORD is not set; set both, or leave METRICS_LISTEN on loopback"
    )]
    NoPassword(SocketAddr),
    /// A weak password, or bytes that are not text.
    #[error("{METRICS_PASSWORD} {0}")]
    Password(#[from] WeakPassword),
    /// Bytes that are not text.
    #[error("{0} is not text; a key is made of A-Z a-z 0-9 . _ - only")]
    NotText(&'static str),
}

const API_KEY: &str = "API_KEY";
const JWT_KEYS: &str = "JWT_KEYS";
const METRICS_PASSWORD: &str = "METRICS_PASSWORD";

impl Config {
    /// Combines the command line, the requirements of the document and the secrets. `signing_keys` is a list that the
    /// service made itself, and `environment` returns a secret by its name.
    pub fn new(
        args: ServeArgs,
        process: ProcessConfig,
        document: &Document,
        signing_keys: Option<SecretString>,
        environment: impl Fn(&str) -> Result<SecretString, VarError>,
    ) -> Result<Self, ConfigError> {
        let keys = if args.require_api_key && document.requires(Access::ApiKey) {
            source(API_KEY, environment(API_KEY), args.api_key_parameter, KeyRing::parse)?
                .ok_or(ConfigError::NoKeys)?
        } else {
            Source::None
        };
        let tokens = match args.tokens {
            Some(args) => Some(tokens(args, environment(JWT_KEYS), signing_keys)?),
            None => None,
        };
        let drain_timeout = args.process.drain_timeout;
        Ok(Self {
            process,
            listen: args.listen,
            worker_threads: args.worker_threads.into(),
            keys,
            tokens,
            body_timeout: args.body_timeout,
            limits: Limits {
                keep_alive_timeout: args.keep_alive_timeout,
                max_connections: args.max_connections as usize,
                drain_grace: args.drain_grace,
                drain_timeout,
            },
        })
    }
}

impl ProcessConfig {
    /// Combines the command line and the secrets. `environment` returns a secret by its name.
    pub fn new(
        args: &ProcessArgs,
        environment: impl Fn(&str) -> Result<SecretString, VarError>,
    ) -> Result<Self, ConfigError> {
        let (listen, user) = (args.metrics_listen, &args.metrics_username);
        Ok(Self {
            metrics_listen: listen,
            metrics_password: password(listen, user, environment(METRICS_PASSWORD))?,
            log_format: args.log_format,
            log_level: args.log_level,
        })
    }
}

fn password(
    listen: SocketAddr,
    user: &str,
    value: Result<SecretString, VarError>,
) -> Result<Option<Password>, ConfigError> {
    match value {
        Ok(password) => Ok(Some(Password::parse(user, password.expose_secret())?)),
        Err(VarError::NotUnicode(_)) => Err(WeakPassword.into()),
        Err(VarError::NotPresent) if listen.ip().is_loopback() => Ok(None),
        Err(VarError::NotPresent) => Err(ConfigError::NoPassword(listen)),
    }
}

fn tokens(
    args: TokenArgs,
    keys: Result<SecretString, VarError>,
    made: Option<SecretString>,
) -> Result<Tokens, ConfigError> {
    let (iss, aud) = (args.jwt_issuer, args.jwt_audience);
    let parse = |list: &str| Issuer::new(list, &iss, &aud);
    let issuer = match (source(JWT_KEYS, keys, args.jwt_keys_parameter, parse)?, made) {
        (Some(source), _) => source,
        (None, Some(made)) => Source::Service(parse(made.expose_secret())?),
        (None, None) => return Err(ConfigError::NoSigningKeys),
    };
    Ok(Tokens { issuer, iss, aud })
}

/// The one source of a list. `None` if neither is set. An empty variable is an error: it does not count as unset.
fn source<K, E>(
    name: &'static str,
    value: Result<SecretString, VarError>,
    parameter: Option<String>,
    parse: impl Fn(&str) -> Result<K, E>,
) -> Result<Option<Source<K>>, ConfigError>
where
    ConfigError: From<E>,
{
    match (value, parameter) {
        (Err(VarError::NotPresent), None) => Ok(None),
        (Err(VarError::NotPresent), Some(name)) => Ok(Some(Source::Parameter(name))),
        (Err(VarError::NotUnicode(_)), _) => Err(ConfigError::NotText(name)),
        (Ok(_), Some(_)) => Err(ConfigError::TwoSources(name)),
        (Ok(list), None) => Ok(Some(Source::Environment(parse(list.expose_secret())?))),
    }
}
