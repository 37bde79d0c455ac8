//! Failures that stop the start of the sidecar, and their exit codes (`sysexits.h`).

use chassis::document::Invalid;
use thiserror::Error;

/// Why the sidecar does not start. The text has one line for each fault and contains no value of a setting.
#[derive(Debug, Error)]
pub enum Failure {
    /// A setting is invalid.
    #[error("{name} {rule}")]
    Setting {
        /// The environment variable.
        name: &'static str,
        /// The rule, beginning with "must" or "may".
        rule: String,
    },
    /// The command line is invalid.
    #[error("arguments must be none, `render`, `render --nginx VERSION` or `healthcheck`")]
    Arguments,
    /// The document is invalid.
    #[error("{}", lines(.0))]
    Document(Invalid),
    /// The configuration cannot be written.
    #[error(
        "cannot write the configuration in RUNTIME_DIR: it must be a directory that this user can write to"
    )]
    CannotCreate,
    /// The template cannot be rendered with this document and these settings.
    #[error("cannot render the configuration: {0}")]
    Render(String),
    /// nginx refuses the configuration. Contains the message of nginx.
    #[error("nginx refuses the configuration; see the message of nginx above")]
    Refused(String),
    /// nginx passed the test of its configuration, but could not be started.
    #[error("cannot start nginx: {0}")]
    CannotStart(std::io::Error),
    /// The service does not answer its liveness probe.
    #[error("{0}")]
    Unhealthy(String),
}

impl Failure {
    /// A setting that breaks its rule.
    pub fn setting(name: &'static str, rule: impl Into<String>) -> Self {
        Self::Setting { name, rule: rule.into() }
    }

    /// The exit code.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Unhealthy(_) => 1,
            Self::Setting { .. } | Self::Arguments => 64,
            Self::CannotStart(_) => 71,
            Self::CannotCreate => 73,
            Self::Document(_) | Self::Render(_) | Self::Refused(_) => 78,
        }
    }
}

fn lines(invalid: &Invalid) -> String {
    let line = |fault| format!("OPENAPI_DOCUMENT is invalid: {fault}");
    invalid.0.iter().map(line).collect::<Vec<_>>().join("\nsidecar: ")
}
