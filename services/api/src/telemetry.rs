//! The log: one event a line on standard output, flat JSON for machines or plain text for people.
//!
//! The level holds for our own events. Those of libraries are shown from `warn` up whatever the level: at
//! `debug` the SDK describes its requests, and a key must not be in a log by anybody's hand.

use clap::ValueEnum;
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

/// Starts the log, for the whole process.
pub fn start(format: LogFormat, level: Level) {
    let ours = LevelFilter::from_level(level);
    let targets =
        Targets::new().with_default(ours.min(LevelFilter::WARN)).with_target("sum_api", ours);
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
