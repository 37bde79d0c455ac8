//! The command line: flags, and the environment variables with the same meaning.
//!
//! This module parses each value. [`crate::config`] checks the settings together. There is no flag for keys, because
//! every process of the machine can read a command line.

mod args;
mod help;
mod values;

pub use self::args::{ProcessArgs, ServeArgs, TokenArgs};

use crate::derived::{Derive, WriteArgs};
use crate::document::{Access, Document};
use crate::service::Build;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

const WORKER: &str = "worker";

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
    Serve(Box<ServeArgs>),
    /// Exits 0 when /healthz on this machine answers 200 within 2 s
    Healthcheck {
        /// Address of the API, or of the private listener of a worker
        #[arg(long, env = "LISTEN", value_name = "IP:PORT")]
        listen: SocketAddr,
    },
    /// Prints the description of the API that /openapi.json serves, as `OpenAPI` 3.1
    Openapi,
}

/// The commands of a service in addition to those of every service.
#[derive(Debug, Clone, Copy, Default)]
pub struct Offers {
    /// There is `openapi --write`.
    pub derive: Option<Derive>,
    /// There is `worker`.
    pub worker: bool,
}

/// A parsed command line: the settings `S` of `serve`, the settings `W` of `worker` and the commands `C` are those of the
/// service.
#[derive(Debug)]
pub enum Invocation<S, W, C> {
    /// Serve the API.
    Serve(Box<ServeArgs>, S),
    /// Work without an API.
    Work(Box<ProcessArgs>, W),
    /// A command of the service.
    Own(C),
    /// Ask whether the API on this machine is healthy.
    Healthcheck(SocketAddr),
    /// Print the description of the API.
    Openapi,
    /// Write the members that follow from the code into a document.
    Write(Derive, Option<PathBuf>),
}

/// Reads the command line of the service that `document` declares. Inserts `serve` if no command is given. clap also
/// returns `--help` and `--version` as errors.
pub fn parse<S: Args, W: Args, C: Subcommand>(
    document: &Document,
    build: Build,
    offers: Offers,
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<Invocation<S, W, C>, clap::Error> {
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
    // The descriptions of the settings and commands of a service do not replace those of the chassis.
    let command = command(document, build);
    let about = command.get_about().cloned().unwrap_or_default();
    let mut command = C::augment_subcommands(command).about(about);
    command = with::<S>(command, "serve");
    if offers.worker {
        command = with::<W>(command.subcommand(worker(document)), WORKER);
    }
    if offers.derive.is_some() {
        command = with::<WriteArgs>(command, "openapi");
    }
    let matches = command.try_get_matches_from(arguments)?;
    if matches.subcommand_name().is_some_and(C::has_subcommand) {
        return Ok(Invocation::Own(C::from_arg_matches(&matches)?));
    }
    if let Some((WORKER, matches)) = matches.subcommand() {
        let process = Box::new(ProcessArgs::from_arg_matches(matches)?);
        return Ok(Invocation::Work(process, W::from_arg_matches(matches)?));
    }
    Ok(match (Cli::from_arg_matches(&matches)?.command, matches.subcommand()) {
        (Command::Serve(mut args), Some((_, matches))) => {
            if document.requires(Access::Bearer) {
                args.tokens = Some(TokenArgs::from_arg_matches(matches)?);
            }
            Invocation::Serve(args, S::from_arg_matches(matches)?)
        }
        (Command::Healthcheck { listen }, _) => Invocation::Healthcheck(listen),
        (Command::Openapi, Some((_, matches))) if let Some(derive) = offers.derive => {
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
            let mut end = vec![help::KEYS, help::PASSWORD, help::EXIT_CODES];
            let mut serve = serve;
            if document.requires(Access::Bearer) {
                end.insert(0, help::TOKENS);
                serve = TokenArgs::augment_args(serve);
                for claim in ["jwt_issuer", "jwt_audience"] {
                    serve =
                        serve.mut_arg(claim, |arg| arg.required(false).default_value(name.clone()));
                }
            }
            serve
                .after_help(end.join("\n\n"))
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

/// Adds settings to a command.
fn with<A: Args>(command: clap::Command, name: &str) -> clap::Command {
    command.mut_subcommand(name, |command| {
        let about = command.get_about().cloned().unwrap_or_default();
        A::augment_args(command).about(about)
    })
}

/// The command `worker`. Its private listener has the port after that of `serve`.
fn worker(document: &Document) -> clap::Command {
    let listen = format!("127.0.0.1:{}", u32::from(document.service.metrics_port) + 1);
    ProcessArgs::augment_args(clap::Command::new(WORKER))
        .about("Runs jobs without an API until SIGTERM or SIGINT")
        .after_help([help::PASSWORD, help::EXIT_CODES].join("\n\n"))
        .mut_arg("metrics_listen", |address| address.required(false).default_value(listen))
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
