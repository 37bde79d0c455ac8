//! The process: from the command line to an exit code. What happens in between is the library's.

use std::io::Write;
use std::process::ExitCode;
use sum_api::cli::{self, Command};
use sum_api::config::Config;
use sum_api::{EX_USAGE, Failure, healthcheck, openapi, panics, serve, telemetry};
use tokio::runtime::{Builder, Runtime};

fn main() -> ExitCode {
    let cli = match cli::parse(std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() => {
            eprintln!("sum-api: {}", cli::one_line(&error));
            return ExitCode::from(EX_USAGE);
        }
        // `--help` and `--version` also come back as errors.
        Err(wish) => {
            let _ = wish.print();
            return ExitCode::SUCCESS;
        }
    };
    match run(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            tracing::error!(cause = %failure, "stopped");
            eprintln!("sum-api: {failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}

fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Serve(args) => {
            let config = Config::new(args, std::env::var("API_KEY").map(Into::into))?;
            telemetry::start(config.log_format, config.log_level);
            panics::log_them();
            runtime(config.worker_threads)?.block_on(serve::serve(config))
        }
        Command::Healthcheck { listen } => Ok(runtime(1)?.block_on(healthcheck::check(listen))?),
        Command::Openapi => {
            // A reader that has seen enough, such as `head`, is no failure.
            let _ = std::io::stdout().write_all(openapi::DOCUMENT.as_bytes());
            Ok(())
        }
    }
}

/// One thread needs no work stealing, and pays for none.
fn runtime(threads: usize) -> Result<Runtime, Failure> {
    let mut builder =
        if threads == 1 { Builder::new_current_thread() } else { Builder::new_multi_thread() };
    builder.worker_threads(threads).enable_all().build().map_err(Failure::Runtime)
}
