//! A service with settings, commands and resources of its own, such as a database.
//!
//! Most services are values that need nothing: [`crate::run()`] and [`crate::run_with()`] are enough for these.

use crate::cli::{ProcessArgs, ServeArgs};
use crate::context::Context;
use crate::derived::Derive;
use crate::failure::Failure;
use crate::service::Service;
use crate::worker::{NoWorker, Worker};
use clap::{Args, Subcommand};
use secrecy::SecretString;
use std::future::Future;

/// How a service starts.
pub trait Program {
    /// The service.
    type Service: Service;
    /// The settings of `serve` in addition to those of the chassis.
    type Settings: Args;
    /// The work of the command `worker`. [`NoWorker`] if there is no such command.
    type Worker: Worker;
    /// The settings of `worker` in addition to those of the chassis.
    type WorkerSettings: Args;
    /// The commands in addition to those of the chassis.
    type Command: Subcommand;

    /// Writes the members of the document that follow from the code, such as a list of types. With it, the command line
    /// has `openapi --write`.
    const DERIVE: Option<Derive> = None;

    /// Makes the service before the process listens. A failure ends the process.
    ///
    /// A dependency that can be away for a while must not be awaited here, because `/healthz` does not answer yet.
    /// [`Service::prepare`] is the place for that.
    fn start(
        self,
        settings: Self::Settings,
        serve: &ServeArgs,
        context: &Context,
    ) -> impl Future<Output = Result<Started<Self::Service>, Failure>>;

    /// Makes the worker before the process listens: see [`Program::start`].
    fn start_worker(
        self,
        settings: Self::WorkerSettings,
        process: &ProcessArgs,
        context: &Context,
    ) -> impl Future<Output = Result<Self::Worker, Failure>>;

    /// Runs a command of the service.
    fn execute(self, command: Self::Command) -> impl Future<Output = Result<(), Failure>>;
}

/// A service that can be served.
#[derive(Debug)]
pub struct Started<S> {
    /// The service.
    pub service: S,
    /// A list of signing keys, in the form of `JWT_KEYS`. It is used if the settings name no other.
    pub signing_keys: Option<SecretString>,
}

/// A service without settings and commands: the function makes it.
#[derive(Debug)]
pub struct Plain<F>(pub F);

/// No settings.
#[derive(Debug, Clone, Copy, Args)]
pub struct NoSettings {}

/// No commands.
#[derive(Debug, Subcommand)]
pub enum NoCommand {}

impl<S: Service, F: FnOnce(&Context) -> S> Program for Plain<F> {
    type Service = S;
    type Settings = NoSettings;
    type Worker = NoWorker;
    type WorkerSettings = NoSettings;
    type Command = NoCommand;

    async fn start(
        self,
        _: NoSettings,
        _: &ServeArgs,
        context: &Context,
    ) -> Result<Started<S>, Failure> {
        Ok(Started { service: (self.0)(context), signing_keys: None })
    }

    async fn start_worker(
        self,
        _: NoSettings,
        _: &ProcessArgs,
        _: &Context,
    ) -> Result<NoWorker, Failure> {
        unreachable!("the command line has no `worker`")
    }

    async fn execute(self, command: NoCommand) -> Result<(), Failure> {
        match command {}
    }
}
