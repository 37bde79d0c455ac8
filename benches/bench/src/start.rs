//! The time from `exec` to the first 200, and the size of the binaries.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use probe::program::{Program, Setup};
use probe::server::Server;

use crate::command::Effort;
use crate::section::Section;
use crate::table::{Table, spread};

const PROGRAMS: [Program; 5] =
    [Program::Api, Program::Bare, Program::Axum, Program::Actix, Program::Go];

/// Starts each several times and saves the section `start`.
pub fn run(effort: Effort) -> Result<()> {
    let mut section = Section::new("Start and size");
    let programs: Vec<Program> = PROGRAMS.into_iter().filter(|program| program.exists()).collect();
    let mut times: Vec<Vec<f64>> = vec![Vec::new(); programs.len()];
    for _ in 0..effort.rounds * 2 {
        for (program, times) in programs.iter().zip(&mut times) {
            times.push(ready_after(*program)?.as_secs_f64() * 1000.0);
        }
    }
    let mut table = Table::new(&["", "ready after, ms", "least – most", "binary, MiB"]);
    for (program, times) in programs.iter().zip(&times) {
        let (middle, least, most) = spread(times);
        let size = fs::metadata(program.binary())?.len() as f64;
        table.row([
            program.name().into(),
            format!("{middle:.1}"),
            format!("{least:.1} – {most:.1}"),
            format!("{:.2}", size / 1024.0 / 1024.0),
        ]);
        section.note(format!("{}/ready_ms", program.name()), middle);
    }
    section.add(format!(
        "The time is from the start of the process to the first 200: of `/readyz` for sum-api, with its keys in the \
         environment and no SSM, and of `/healthz` for the others. The servers take turns, with {} starts each.",
        effort.rounds * 2
    ));
    section.show(table);
    section.save("start")
}

fn ready_after(program: Program) -> Result<Duration> {
    let path = if program == Program::Api { "/readyz" } else { "/healthz" };
    let started = Instant::now();
    let mut server = Server::spawn(Setup::alone(program), None, &[], &[])?;
    while server.status(path) != Some(200) {
        server.check()?;
        ensure!(started.elapsed() < Duration::from_secs(20), "{} is not ready", program.name());
        std::thread::sleep(Duration::from_micros(200));
    }
    Ok(started.elapsed())
}
