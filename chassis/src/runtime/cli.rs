//! The command line: flags, and the environment variables with the same meaning.
//!
//! This module parses each value. [`crate::config`] checks the settings together. There is no flag for keys, because
//! every process of the machine can read a command line.

mod values;

use self::values::{claim, duration, log_level, parameter_name, positive_duration};
use crate::derived::{Derive, WriteArgs};
use crate::document::{Access, Document};
use crate::service::Build;
use crate::telemetry::LogFormat;
use clap::{ArgAction, Args, CommandFactory, FromArgMatches, Parser, Subcommand, value_parser};
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use tracing::Level;

/// A service on the platform.
#[derive(Debug, Parser)]
#[command(subcommand_required = true)]
pub struct Cli {
    /// The command; `serve` if none is given.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serves the API until SIGTERM or SIGINT (also the default)
    #[command(after_help = KEYS_HELP)]
    Serve(Box<ServeArgs>),
    /// Exits 0 when /healthz on this machine answers 200 within 2 s
    Healthcheck {
        /// Address that the API listens on
        #[arg(long, env = "LISTEN", value_name = "IP:PORT")]
        listen: SocketAddr,
    },
    /// Prints the description of the API that /openapi.json serves, as `OpenAPI` 3.1
    Openapi,
}

const TOKENS_HELP: &str = "\
Keys that sign bearer tokens come from exactly one of:
  JWT_KEYS            environment only: `kid:secret`, separated by commas; the first one signs, all verify; a secret
                      is 32 random bytes or more as base64url
  JWT_KEYS_PARAMETER  an SSM parameter that holds such a list";

const KEYS_HELP: &str = "\
Keys, when they are required, come from exactly one of:
  API_KEY            environment only: `key` or `client:key`, separated by commas; a key is 8 to 128 of
                     A-Z a-z 0-9 . _ -, a client name 1 to 32 of a-z 0-9 -; `none` refuses every caller
  API_KEY_PARAMETER  an SSM parameter that holds such a list

METRICS_PASSWORD, environment only, is 16 to 128 visible ASCII characters. The private listener then requires it, with
the user `metrics`.

Exit codes: 0 drained, 64 invalid configuration, 69 cannot listen, 70 invalid document, 71 no runtime or no signal
handlers, 78 SSM refused to give the keys.";

/// The settings of `serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Address to listen on; port 0 takes a free port
    #[arg(long, env, value_name = "IP:PORT")]
    pub listen: SocketAddr,

    /// Address of the private listener with metrics and profiles; it needs `METRICS_PASSWORD` unless it is loopback
    #[arg(long, env, value_name = "IP:PORT")]
    pub metrics_listen: SocketAddr,

    /// Threads that answer requests, 1 to 64; 1 is a runtime without locks
    #[arg(long, env, default_value_t = 1, value_parser = value_parser!(u16).range(1..=64), value_name = "N")]
    pub worker_threads: u16,

    /// Format of the log
    #[arg(long, env, value_enum, default_value_t = LogFormat::Json)]
    pub log_format: LogFormat,

    /// Level of the log: error, warn, info, debug or trace
    #[arg(long, env, default_value = "info", value_parser = log_level, value_name = "LEVEL")]
    pub log_level: Level,

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

    /// Time after a stop signal in which requests in flight must end, 0s to 1h
    #[arg(long, env, default_value = "20s", value_parser = duration, value_name = "DURATION")]
    pub drain_timeout: Duration,
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

/// A parsed command line: the settings `S` and the commands `C` are those of the service.
#[derive(Debug)]
pub enum Invocation<S, C> {
    /// Serve the API.
    Serve(Box<ServeArgs>, S),
    /// A command of the service.
    Own(C),
    /// Ask whether the API on this machine is healthy.
    Healthcheck(SocketAddr),
    /// Print the description of the API.
    Openapi,
    /// Write the members that follow from the code into a document.
    Write(Derive, Option<PathBuf>),
}

/// Reads the command line of the service that `document` declares. With `derive`, there is `openapi --write`.
/// Inserts `serve` if no command is given. clap also returns `--help` and `--version` as errors.
pub fn parse<S: Args, C: Subcommand>(
    document: &Document,
    build: Build,
    derive: Option<Derive>,
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<Invocation<S, C>, clap::Error> {
    let mut arguments: Vec<OsString> = arguments.into_iter().collect();
    let first = arguments.get(1).map(|first| first.to_string_lossy().into_owned());
    let serve = match first.as_deref() {
        None => true,
        Some("-h" | "--help" | "-V" | "--version") => false,
        Some(other) => other.starts_with('-'),
    };
    if serve {
        arguments.insert(arguments.len().min(1), "serve".into());
    }
    let command = C::augment_subcommands(command(document, build));
    let mut command = command.mut_subcommand("serve", S::augment_args);
    if derive.is_some() {
        command = command.mut_subcommand("openapi", WriteArgs::augment_args);
    }
    let matches = command.try_get_matches_from(arguments)?;
    if matches.subcommand_name().is_some_and(C::has_subcommand) {
        return Ok(Invocation::Own(C::from_arg_matches(&matches)?));
    }
    Ok(match (Cli::from_arg_matches(&matches)?.command, matches.subcommand()) {
        (Command::Serve(mut args), Some((_, matches))) => {
            if document.requires(Access::Bearer) {
                args.tokens = Some(TokenArgs::from_arg_matches(matches)?);
            }
            Invocation::Serve(args, S::from_arg_matches(matches)?)
        }
        (Command::Healthcheck { listen }, _) => Invocation::Healthcheck(listen),
        (Command::Openapi, Some((_, matches))) if let Some(derive) = derive => {
            let write = WriteArgs::from_arg_matches(matches)?.write;
            write.map_or(Invocation::Openapi, |path| Invocation::Write(derive, path))
        }
        (Command::Serve(_) | Command::Openapi, _) => Invocation::Openapi,
    })
}

/// The command line with the name, the ports and the number of connections from the document.
fn command(document: &Document, build: Build) -> clap::Command {
    let service = &document.service;
    let listen = format!("127.0.0.1:{}", service.port);
    let about = document.title.clone();
    // Each caller of the sidecar has one connection, and the sidecar keeps as many idle ones.
    let connections = (2 * service.connections).to_string();
    let metrics_listen = format!("127.0.0.1:{}", service.metrics_port);
    let name = service.name.clone();
    Cli::command()
        .name(service.name.clone())
        .version(build.version)
        .about(about)
        .mut_subcommand("serve", |serve| {
            let serve = if document.requires(Access::Bearer) {
                ["jwt_issuer", "jwt_audience"].into_iter().fold(
                    TokenArgs::augment_args(serve)
                        .after_help(format!("{TOKENS_HELP}\n\n{KEYS_HELP}")),
                    |serve, claim| {
                        serve.mut_arg(claim, |arg| arg.required(false).default_value(name.clone()))
                    },
                )
            } else {
                serve
            };
            serve
                .mut_arg("listen", |listening| {
                    listening.required(false).default_value(listen.clone())
                })
                .mut_arg("metrics_listen", |listening| {
                    listening.required(false).default_value(metrics_listen)
                })
                .mut_arg("max_connections", |most| most.required(false).default_value(connections))
        })
        .mut_subcommand("healthcheck", |check| {
            check.mut_arg("listen", |listening| {
                listening.required(false).default_value(listen.clone())
            })
        })
}

/// The first paragraph of clap's message in one line. It contains the setting and the rule.
#[must_use]
pub fn one_line(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let first = text.trim_start_matches("error: ").split("\n\n").next().unwrap_or_default();
    first.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Document;

    #[test]
    fn command_line_is_consistent() {
        let build = Build { version: "1.2.3", revision: None, log_target: "parcels" };
        let text = include_str!("../../../contract/parcels/openapi.json");
        command(&Document::parse(text).unwrap(), build).debug_assert();
    }
}
