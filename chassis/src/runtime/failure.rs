//! Why the process ends without having served to its end, and with which exit code.

use crate::config::ConfigError;
use crate::document::Invalid;
use crate::healthcheck::Unhealthy;
use crate::router::Unimplemented;
use crate::ssm::Refused;
use std::net::SocketAddr;
use thiserror::Error;

/// `EX_USAGE`: what was typed is wrong.
pub const EX_USAGE: u8 = 64;

/// Why the process ends without having served to its end.
#[derive(Debug, Error)]
pub enum Failure {
    /// Invalid configuration.
    #[error("{0}")]
    Usage(#[from] ConfigError),
    /// The document of the service breaks rules. The tests of the service find that before anybody starts it.
    #[error("the document is invalid: {0}")]
    Document(#[from] Invalid),
    /// The document of the service and its code do not fit.
    #[error("{0}")]
    Unimplemented(#[from] Unimplemented),
    /// The address is taken, or not ours.
    #[error("cannot listen on {address}, the address in {setting}: {error}")]
    CannotListen {
        /// Where the address comes from.
        setting: &'static str,
        /// The address.
        address: SocketAddr,
        /// What the system says.
        error: std::io::Error,
    },
    /// The system gives no runtime.
    #[error("cannot start the runtime: {0}")]
    Runtime(std::io::Error),
    /// The system gives no signal handlers.
    #[error("cannot catch signals: {0}")]
    Signals(std::io::Error),
    /// SSM said no.
    #[error("{0}")]
    Refused(#[from] Refused),
    /// The health check failed.
    #[error("unhealthy: {0}")]
    Unhealthy(#[from] Unhealthy),
}

impl Failure {
    /// The exit code, by the names of BSD's `sysexits.h`.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => EX_USAGE,
            Self::CannotListen { .. } => 69, // EX_UNAVAILABLE
            Self::Document(_) | Self::Unimplemented(_) => 70, // EX_SOFTWARE
            Self::Runtime(_) | Self::Signals(_) => 71, // EX_OSERR
            Self::Refused(_) => 78,          // EX_CONFIG
            Self::Unhealthy(_) => 1,         // What a container's health check expects.
        }
    }
}
