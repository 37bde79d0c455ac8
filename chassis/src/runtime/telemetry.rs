//! The log: one event per line on standard output, flat JSON for machines or plain text for people.
//!
//! The level applies to the events of the chassis and the service. Events of other libraries are always logged from
//! `warn` up. Events of the SDK are never logged: with an error it prints the raw response, and a response of SSM or of
//! a provider of credentials contains secrets. [`crate::ssm`] logs each attempt instead. Only the SDK's HTTP client may
//! log warnings: it warns of missing certificates and handles no secrets.

use clap::ValueEnum;
use std::error::Error;
use std::time::Duration;
use tracing::Level;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Layer, Registry};

/// Format of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One flat JSON object per line, with the time in RFC 3339 UTC.
    Json,
    /// For people.
    Pretty,
}

impl LogFormat {
    /// The name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Pretty => "pretty",
        }
    }
}

/// A duration as a number for the log, in whole milliseconds. The log would write the `u128` of
/// [`Duration::as_millis`] as a string.
#[must_use]
pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// An error and its causes for the log. The SDK's own display of a chain adds the raw response, which can contain secrets if
/// an answer was cut short.
#[must_use]
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// Starts the log for the whole process. `service` is the crate of the service.
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
    // Fails only if a subscriber is already set. Events then go to that subscriber.
    let _ = tracing::subscriber::set_global_default(subscriber);
}
