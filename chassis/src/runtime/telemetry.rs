//! The log: one event a line on standard output, flat JSON for machines or plain text for people.
//!
//! The level holds for our own events. Those of libraries are shown from `warn` up whatever the level, and those
//! of the SDK not at all: beside an error it prints the raw response, and that of SSM or of a provider of
//! credentials is full of secrets. What became of each attempt is told by [`crate::ssm`]. The SDK's HTTP client
//! alone may warn: it misses certificates, and knows no secret.

use clap::ValueEnum;
use std::time::Duration;
use tracing::Level;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Layer, Registry};

/// How an event is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One flat JSON object a line, time in RFC 3339 UTC.
    Json,
    /// For people.
    Pretty,
}

impl LogFormat {
    /// As it is spelt on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Pretty => "pretty",
        }
    }
}

/// A duration as a number for the log: whole milliseconds. [`Duration::as_millis`] gives a `u128`, and the log writes
/// that as a string.
#[must_use]
pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Starts the log, for the whole process. `service` is the crate whose events are our own beside those of the chassis.
pub fn start(format: LogFormat, level: Level, service: &'static str) {
    let ours = LevelFilter::from_level(level);
    let theirs = ours.min(LevelFilter::WARN);
    let targets = Targets::new()
        .with_default(theirs)
        .with_target("chassis", ours)
        .with_target(service, ours)
        .with_target("aws_", LevelFilter::OFF)
        .with_target("aws_smithy_http_client", theirs);
    let lines = tracing_subscriber::fmt::layer::<Registry>();
    let lines = match format {
        LogFormat::Json => {
            lines.json().flatten_event(true).with_current_span(false).with_span_list(false).boxed()
        }
        LogFormat::Pretty => lines.with_ansi(false).with_target(false).boxed(),
    };
    let subscriber = Registry::default().with(lines.with_filter(targets));
    // Fails only when a subscriber is set already, and then events have somewhere to go.
    let _ = tracing::subscriber::set_global_default(subscriber);
}
