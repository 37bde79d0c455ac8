//! Why the sidecar does not start, and the exit code of each reason (`sysexits.h`).

use chassis::document::Invalid;
use thiserror::Error;

/// A reason. Its text is one line for each fault and contains no value of a setting.
#[derive(Debug, Error)]
pub enum Failure {
    /// A setting breaks its rule.
    #[error("{name} {rule}")]
    Setting {
        /// The environment variable.
        name: &'static str,
        /// What it must be, beginning with "must" or "may".
        rule: String,
    },
    /// The command line is none that the sidecar knows.
    #[error("arguments must be none, `render`, `render --nginx VERSION` or `healthcheck`")]
    Arguments,
    /// The document breaks rules.
    #[error("{}", lines(.0))]
    Document(Invalid),
    /// The configuration cannot be written.
    #[error(
        "cannot write the configuration below RUNTIME_DIR: it must be a directory that this user may write to"
    )]
    CannotCreate,
    /// The template cannot be rendered with what the document and the settings say.
    #[error("cannot render the configuration: {0}")]
    Render(String),
    /// nginx refuses the configuration, and says why.
    #[error("nginx refuses the configuration; its own message is above")]
    Refused(String),
    /// nginx passed the test of its configuration and could not be started.
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
