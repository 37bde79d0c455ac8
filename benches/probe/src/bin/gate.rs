//! `gate`: fails when a request, or the binary, costs more than `benches/gates.json` lets it.
//!
//! `gate --set` writes what is measured now into that file instead.

use std::process::ExitCode;

use anyhow::{Result, bail};
use probe::gate;

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("gate: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<bool> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let set = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => false,
        ["--set"] => true,
        _ => bail!("usage: gate [--set]"),
    };
    let measured = gate::measure()?;
    if set {
        gate::set(&gate::file(), &measured)?;
        println!("{} is set", gate::file().display());
        return Ok(true);
    }
    let checks = gate::check(&measured, &gate::read(&gate::file())?)?;
    for check in &checks {
        println!("{}", check.line());
    }
    let failed = checks.iter().filter(|check| !check.passes()).count();
    println!("{} passed, {failed} failed", checks.len() - failed);
    Ok(failed == 0)
}
