//! The settings of `serve`, checked against one another.

use crate::cli::ServeArgs;
use crate::connections::Limits;
use crate::keys::KeyRing;
use crate::telemetry::LogFormat;
use secrecy::{ExposeSecret, SecretString};
use std::env::VarError;
use std::net::SocketAddr;
use std::time::Duration;
use thiserror::Error;
use tracing::Level;

/// Where the keys come from.
#[derive(Debug)]
pub enum KeySource {
    /// Nowhere: the sidecar alone checks.
    None,
    /// `API_KEY`, already read.
    Environment(KeyRing),
    /// The SSM parameter of this name.
    Parameter(String),
}

impl KeySource {
    /// For the log.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Environment(_) => "API_KEY",
            Self::Parameter(_) => "API_KEY_PARAMETER",
        }
    }
}

/// Everything `serve` needs to know.
#[derive(Debug)]
pub struct Config {
    /// Address to listen on.
    pub listen: SocketAddr,
    /// Threads that answer requests; at least 1.
    pub worker_threads: usize,
    /// How the log is written.
    pub log_format: LogFormat,
    /// How much is logged.
    pub log_level: Level,
    /// Where the keys come from.
    pub keys: KeySource,
    /// For a whole body.
    pub body_timeout: Duration,
    /// The server's bounds.
    pub limits: Limits,
}

/// Invalid configuration. Each names the setting and the rule, and no value of `API_KEY`.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// Keys are required and there are none.
    #[error(
        "API_KEY is not set; set API_KEY or API_KEY_PARAMETER, or REQUIRE_API_KEY=false to leave keys to the sidecar"
    )]
    NoKeys,
    /// Two sources.
    #[error("API_KEY and API_KEY_PARAMETER are both set; set exactly one of them")]
    TwoSources,
    /// A list that breaks a rule.
    #[error("API_KEY {0}")]
    Keys(#[from] crate::keys::KeyListError),
    /// Bytes that are no text.
    #[error("API_KEY is not text; a key is made of A-Z a-z 0-9 . _ - only")]
    NotText,
}

impl Config {
    /// Puts together what was typed and the value of the environment variable `API_KEY`.
    pub fn new(
        args: ServeArgs,
        api_key: Result<SecretString, VarError>,
    ) -> Result<Self, ConfigError> {
        let keys = if args.require_api_key {
            key_source(api_key, args.api_key_parameter)?
        } else {
            KeySource::None
        };
        Ok(Self {
            listen: args.listen,
            worker_threads: args.worker_threads.into(),
            log_format: args.log_format,
            log_level: args.log_level,
            keys,
            body_timeout: args.body_timeout,
            limits: Limits {
                keep_alive_timeout: args.keep_alive_timeout,
                max_connections: args.max_connections as usize,
                drain_grace: args.drain_grace,
                drain_timeout: args.drain_timeout,
            },
        })
    }
}

/// A variable that is set to nothing is a mistake, and never the same as one that is not set.
fn key_source(
    api_key: Result<SecretString, VarError>,
    parameter: Option<String>,
) -> Result<KeySource, ConfigError> {
    match (api_key, parameter) {
        (Err(VarError::NotPresent), None) => Err(ConfigError::NoKeys),
        (Err(VarError::NotPresent), Some(name)) => Ok(KeySource::Parameter(name)),
        (Err(VarError::NotUnicode(_)), _) => Err(ConfigError::NotText),
        (Ok(_), Some(_)) => Err(ConfigError::TwoSources),
        (Ok(list), None) => Ok(KeySource::Environment(KeyRing::parse(list.expose_secret())?)),
    }
}
