//! Runs the process of a service, from the command line to the exit code.

use crate::cli::{self, Command};
use crate::config::Config;
use crate::context::Context;
use crate::document::Document;
use crate::failure::{EX_USAGE, Failure};
use crate::service::Service;
use crate::{healthcheck, panics, serve, telemetry};
use std::io::Write;
use std::process::ExitCode;
use tokio::runtime::{Builder, Runtime};

/// Runs a service with the command of its command line. A service's `main` contains only this call.
pub fn run<S: Service>(service: S) -> ExitCode {
    run_with(|_| service)
}

/// Runs a service that needs the chassis's [`Context`], such as for the signing of tokens.
pub fn run_with<S: Service>(make: impl FnOnce(&Context) -> S) -> ExitCode {
    let document = match Document::parse(S::DOCUMENT) {
        Ok(document) => document,
        Err(invalid) => return failed("service", &invalid.into()),
    };
    let name = document.service.name.clone();
    let cli = match cli::parse(&document, S::BUILD, std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() => {
            eprintln!("{name}: {}", cli::one_line(&error));
            return ExitCode::from(EX_USAGE);
        }
        // clap also returns `--help` and `--version` as errors.
        Err(wish) => {
            let _ = wish.print();
            return ExitCode::SUCCESS;
        }
    };
    match execute(make, &document, cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failed(&name, &failure),
    }
}

fn failed(name: &str, failure: &Failure) -> ExitCode {
    tracing::error!(cause = %failure, "stopped");
    eprintln!("{name}: {failure}");
    ExitCode::from(failure.exit_code())
}

fn execute<S: Service>(
    make: impl FnOnce(&Context) -> S,
    document: &Document,
    command: Command,
) -> Result<(), Failure> {
    match command {
        Command::Serve(args) => {
            let config = Config::new(*args, document, |name| std::env::var(name).map(Into::into))?;
            telemetry::start(config.log_format, config.log_level, S::BUILD.log_target);
            panics::log_them();
            let runtime = runtime(config.worker_threads)?;
            runtime.block_on(serve::serve(make, document, config))
        }
        Command::Healthcheck { listen } => Ok(runtime(1)?.block_on(healthcheck::check(listen))?),
        Command::Openapi => {
            // A reader can close the pipe early, such as `head`. That is not a failure.
            let _ = std::io::stdout().write_all(document.public.as_bytes());
            Ok(())
        }
    }
}

/// One thread needs no work stealing, so it gets the cheaper runtime.
fn runtime(threads: usize) -> Result<Runtime, Failure> {
    let mut builder =
        if threads == 1 { Builder::new_current_thread() } else { Builder::new_multi_thread() };
    builder.worker_threads(threads).enable_all().build().map_err(Failure::Runtime)
}
