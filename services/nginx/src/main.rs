//! The process, from the command line to an exit code or to nginx.

use sidecar::nginx::{Nginx, Version};
use sidecar::settings::Settings;
use sidecar::{Failure, healthcheck, start};
use std::env;
use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if let Failure::Refused(said) = &failure {
                eprintln!("{}", said.trim_end());
            }
            eprintln!("sidecar: {failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}

fn run() -> Result<(), Failure> {
    let arguments: Vec<_> =
        env::args_os().skip(1).map(|a| a.to_string_lossy().into_owned()).collect();
    let settings = || Settings::read(|name| env::var_os(name));
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => start::start(&settings()?),
        ["healthcheck"] => healthcheck::check(&settings()?),
        ["render"] => {
            let settings = settings()?;
            show(&settings, Nginx::find(&settings.nginx)?.joins_equal_headers())
        }
        ["render", "--nginx", version] => {
            let version = Version::parse(version).ok_or(Failure::Arguments)?;
            show(&settings()?, version.joins_equal_headers())
        }
        _ => Err(Failure::Arguments),
    }
}

fn show(settings: &Settings, joins_equal_headers: bool) -> Result<(), Failure> {
    let text = start::show(settings, joins_equal_headers)?;
    // A reader can close the pipe early, such as `head`. That is not a failure.
    let _ = std::io::stdout().write_all(text.as_bytes());
    Ok(())
}
