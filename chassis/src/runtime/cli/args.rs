//! The settings of the processes of the chassis.

use super::values::{claim, duration, log_level, parameter_name, positive_duration, user_name};
use crate::telemetry::LogFormat;
use clap::{ArgAction, Args, value_parser};
use std::net::SocketAddr;
use std::time::Duration;
use tracing::Level;

/// The settings of every process that runs until a stop signal.
#[derive(Debug, Args)]
pub struct ProcessArgs {
    /// Address of the private listener with metrics and profiles; it needs `METRICS_PASSWORD` unless it is loopback
    #[arg(long, env, value_name = "IP:PORT")]
    pub metrics_listen: SocketAddr,

    /// User of the private listener, if `METRICS_PASSWORD` is set
    #[arg(long, env, default_value = "metrics", value_parser = user_name, value_name = "NAME")]
    pub metrics_username: String,

    /// Format of the log
    #[arg(long, env, value_enum, default_value_t = LogFormat::Json)]
    pub log_format: LogFormat,

    /// Level of the log: error, warn, info, debug or trace
    #[arg(long, env, default_value = "info", value_parser = log_level, value_name = "LEVEL")]
    pub log_level: Level,

    /// Time after a stop signal in which requests and jobs must end, 0s to 1h
    #[arg(long, env, default_value = "20s", value_parser = duration, value_name = "DURATION")]
    pub drain_timeout: Duration,
}

/// The settings of `serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// The settings of the process
    #[command(flatten)]
    pub process: ProcessArgs,

    /// Address to listen on; port 0 takes a free port
    #[arg(long, env, value_name = "IP:PORT")]
    pub listen: SocketAddr,

    /// Threads that answer requests, 1 to 64; 1 is a runtime without locks
    #[arg(long, env, default_value_t = 1, value_parser = value_parser!(u16).range(1..=64), value_name = "N")]
    pub worker_threads: u16,

    /// Whether the service checks X-Api-Key again behind the sidecar
    #[arg(long, env, default_value = "true", action = ArgAction::Set, value_parser = value_parser!(bool), value_name = "BOOL")]
    pub require_api_key: bool,

    /// Name of the SSM parameter with the keys
    #[arg(long, env, value_parser = parameter_name, value_name = "NAME")]
    pub api_key_parameter: Option<String>,

    /// The settings of bearer tokens, if an operation of the document requires one.
    #[arg(skip)]
    pub tokens: Option<TokenArgs>,

    /// Time limit for an idle connection and for a request's head, 1ms to 1h; it must be longer than the sidecar keeps
    /// idle connections
    #[arg(long, env, default_value = "75s", value_parser = positive_duration, value_name = "DURATION")]
    pub keep_alive_timeout: Duration,

    /// Time limit for a request's body, 1ms to 1h
    #[arg(long, env, default_value = "5s", value_parser = positive_duration, value_name = "DURATION")]
    pub body_timeout: Duration,

    /// Connections open at once, 1 to 131072; eight more are for probes, and any others wait to be accepted
    #[arg(long, env, value_parser = value_parser!(u32).range(1..=131_072), value_name = "N")]
    pub max_connections: u32,

    /// Time after a stop signal in which new connections are accepted, 0s to 1h; the balancer sees /readyz fail
    #[arg(long, env, default_value = "2s", value_parser = duration, value_name = "DURATION")]
    pub drain_grace: Duration,
}

/// The settings of bearer tokens. A service without bearer tokens does not have them.
#[derive(Debug, Args)]
pub struct TokenArgs {
    /// Name of the SSM parameter with the keys that sign bearer tokens
    #[arg(long, env, value_parser = parameter_name, value_name = "NAME")]
    pub jwt_keys_parameter: Option<String>,

    /// Issuer of bearer tokens (the claim `iss`); one for each environment
    #[arg(long, env, value_parser = claim, value_name = "NAME")]
    pub jwt_issuer: String,

    /// Audience of bearer tokens (the claim `aud`)
    #[arg(long, env, value_parser = claim, value_name = "NAME")]
    pub jwt_audience: String,
}
