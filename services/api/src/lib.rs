//! sum-api: an exact sum over HTTP.
//!
//! # Layout
//! From the inside out; nothing knows what stands below it in this list.
//!
//! * [`decimal`], [`sum`]: bytes in, an exact sum or a typed refusal out. No HTTP.
//! * [`keys`]: who may ask. [`ssm`]: where the keys come from.
//! * [`app`]: a request in, a response out. No sockets. With it [`route`], [`fields`], [`body`], [`problem`],
//!   [`request_id`], [`readiness`], [`metrics`], [`openapi`], [`panics`].
//! * [`server`] and its `connections`: no routes.
//! * [`cli`] is what was typed, [`config`] what is meant, [`telemetry`] the log, [`serve`] and [`healthcheck`]
//!   the commands.

use std::net::SocketAddr;
use thiserror::Error;

pub use chassis::keys;

pub mod app;
pub mod body;
pub mod cli;
pub mod config;
mod connections;
pub mod decimal;
pub mod fields;
pub mod healthcheck;
pub mod metrics;
pub mod openapi;
pub mod panics;
pub mod problem;
pub mod readiness;
pub mod request_id;
pub mod route;
pub mod serve;
pub mod server;
pub mod ssm;
pub mod sum;
pub mod telemetry;

/// The version of the package.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit that was built, where the build says so by `SUM_API_REVISION`.
pub const REVISION: &str = match option_env!("SUM_API_REVISION") {
    Some(revision) => revision,
    None => "unknown",
};

/// Why the process ends without having served to its end.
#[derive(Debug, Error)]
pub enum Failure {
    /// Configuration that cannot be meant.
    #[error("{0}")]
    Usage(#[from] config::ConfigError),
    /// The address is taken, or not ours.
    #[error("cannot listen on {0}: {1}")]
    CannotListen(SocketAddr, std::io::Error),
    /// The system gives no runtime.
    #[error("cannot start the runtime: {0}")]
    Runtime(std::io::Error),
    /// The system gives no signal handlers.
    #[error("cannot catch signals: {0}")]
    Signals(std::io::Error),
    /// SSM said no.
    #[error("{0}")]
    Refused(#[from] ssm::Refused),
    /// The health check failed.
    #[error("unhealthy: {0}")]
    Unhealthy(#[from] healthcheck::Unhealthy),
}

impl Failure {
    /// The exit code, by the names of BSD's `sysexits.h`.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => EX_USAGE,
            Self::CannotListen(..) => 69,              // EX_UNAVAILABLE
            Self::Runtime(_) | Self::Signals(_) => 71, // EX_OSERR
            Self::Refused(_) => 78,                    // EX_CONFIG
            Self::Unhealthy(_) => 1,                   // What a container's health check expects.
        }
    }
}

/// `EX_USAGE`: what was typed is wrong.
pub const EX_USAGE: u8 = 64;
