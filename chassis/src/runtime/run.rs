//! Runs the process of a service, from the command line to the exit code.

use crate::cli::{self, Invocation, Offers};
use crate::context::Context;
use crate::document::Document;
use crate::failure::{EX_USAGE, Failure};
use crate::program::{Plain, Program};
use crate::service::{Build, Service};
use crate::telemetry::LogFormat;
use crate::worker::Worker;
use crate::{derived, healthcheck, panics, serve, telemetry, work};
use std::io::Write;
use std::process::ExitCode;
use tokio::runtime::{Builder, Runtime};
use tracing::Level;

/// Runs a service with the command of its command line. A service's `main` contains only this call.
pub fn run<S: Service>(service: S) -> ExitCode {
    run_with(|_| service)
}

/// Runs a service that needs the chassis's [`Context`], such as for the signing of tokens.
pub fn run_with<S: Service>(make: impl FnOnce(&Context) -> S) -> ExitCode {
    run_program(Plain(make))
}

/// Runs a service with settings and commands of its own.
pub fn run_program<P: Program>(program: P) -> ExitCode {
    let document = match Document::parse(P::Service::DOCUMENT) {
        Ok(document) => document,
        Err(invalid) => return failed("service", &invalid.into()),
    };
    let name = document.service.name.clone();
    let build = P::Service::BUILD;
    let offers = Offers { derive: P::DERIVE, worker: P::Worker::IS_OFFERED };
    let invocation = match cli::parse(&document, build, offers, std::env::args_os()) {
        Ok(invocation) => invocation,
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
    match execute(program, &document, invocation) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failed(&name, &failure),
    }
}

fn failed(name: &str, failure: &Failure) -> ExitCode {
    // An invalid setting has one line, which a person reads. The log has no settings yet.
    if failure.exit_code() != EX_USAGE {
        tracing::error!(cause = %failure, "stopped");
    }
    eprintln!("{name}: {failure}");
    ExitCode::from(failure.exit_code())
}

fn execute<P: Program>(
    program: P,
    document: &Document,
    invocation: Invocation<P::Settings, P::WorkerSettings, P::Command>,
) -> Result<(), Failure> {
    match invocation {
        Invocation::Serve(args, settings) => {
            log(args.process.log_format, args.process.log_level, P::Service::BUILD);
            runtime(args.worker_threads.into())?
                .block_on(serve::serve(program, settings, document, *args))
        }
        Invocation::Work(args, settings) => {
            log(args.log_format, args.log_level, P::Service::BUILD);
            runtime(1)?.block_on(work::work(program, settings, document, *args))
        }
        Invocation::Own(command) => {
            telemetry::start(LogFormat::Json, Level::INFO, P::Service::BUILD.log_target);
            runtime(1)?.block_on(program.execute(command))
        }
        Invocation::Healthcheck(listen) => Ok(runtime(1)?.block_on(healthcheck::check(listen))?),
        Invocation::Openapi => {
            // A reader can close the pipe early, such as `head`. That is not a failure.
            let _ = std::io::stdout().write_all(document.public.as_bytes());
            Ok(())
        }
        Invocation::Write(derive, path) => derived::write(path, &document.service.name, derive),
    }
}

/// Starts the log of a process that runs until a stop signal.
fn log(format: LogFormat, level: Level, build: Build) {
    telemetry::start(format, level, build.log_target);
    panics::log_them();
}

/// One thread needs no work stealing, so it gets the cheaper runtime.
fn runtime(threads: usize) -> Result<Runtime, Failure> {
    let mut builder =
        if threads == 1 { Builder::new_current_thread() } else { Builder::new_multi_thread() };
    builder.worker_threads(threads).enable_all().build().map_err(Failure::Runtime)
}
