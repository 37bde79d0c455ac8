//! Failures that end the process early, and their exit codes.

use crate::config::ConfigError;
use crate::document::Invalid;
use crate::healthcheck::Unhealthy;
use crate::router::Unimplemented;
use crate::ssm::Refused;
use std::net::SocketAddr;
use thiserror::Error;

/// `EX_USAGE`: the command line or a setting is invalid.
pub const EX_USAGE: u8 = 64;

/// Why the process ends early.
#[derive(Debug, Error)]
pub enum Failure {
    /// Invalid configuration.
    #[error("{0}")]
    Usage(#[from] ConfigError),
    /// The document of the service is invalid. The tests of the service find this before a start.
    #[error("the document is invalid: {0}")]
    Document(#[from] Invalid),
    /// The document declares an operation that the code does not implement.
    #[error("{0}")]
    Unimplemented(#[from] Unimplemented),
    /// The address is in use, or is not an address of this machine.
    #[error("cannot listen on {address}, the address in {setting}: {error}")]
    CannotListen {
        /// The setting that contains the address.
        setting: &'static str,
        /// The address.
        address: SocketAddr,
        /// The error of the operating system.
        error: std::io::Error,
    },
    /// The runtime does not start.
    #[error("cannot start the runtime: {0}")]
    Runtime(std::io::Error),
    /// The signal handlers cannot be installed.
    #[error("cannot catch signals: {0}")]
    Signals(std::io::Error),
    /// SSM refused the request.
    #[error("{0}")]
    Refused(#[from] Refused),
    /// A setting of the service is invalid.
    #[error("{0}")]
    Setting(String),
    /// A resource that the service needs is not available.
    #[error("{0}")]
    Unavailable(String),
    /// A command of the service failed.
    #[error("{0}")]
    Command(String),
    /// The health check failed.
    #[error("unhealthy: {0}")]
    Unhealthy(#[from] Unhealthy),
}

impl Failure {
    /// The exit code, by the names of BSD's `sysexits.h`.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::Setting(_) => EX_USAGE,
            Self::CannotListen { .. } | Self::Unavailable(_) => 69, // EX_UNAVAILABLE
            Self::Document(_) | Self::Unimplemented(_) => 70,       // EX_SOFTWARE
            Self::Runtime(_) | Self::Signals(_) => 71,              // EX_OSERR
            Self::Refused(_) => 78,                                 // EX_CONFIG
            // As Docker's HEALTHCHECK expects.
            Self::Unhealthy(_) | Self::Command(_) => 1,
        }
    }
}
