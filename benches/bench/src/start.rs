//! From `exec` to the first good answer, and how large the binaries are.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use probe::program::{Program, Setup};
use probe::server::{Server, free_address};

use crate::effort::Effort;
use crate::section::Section;
use crate::table::{Table, mib, spread};

const PROGRAMS: [Program; 5] =
    [Program::Api, Program::Bare, Program::Axum, Program::Actix, Program::Go];

/// Starts each some times and saves the section `start`.
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
            mib(size),
        ]);
        section.note(format!("{}/ready_ms", program.name()), middle);
        section.note(format!("{}/bytes", program.name()), size);
    }
    println!("{table}");
    section.add(format!(
        "From starting the process (through `taskset`) to the first 200: of `/readyz` for sum-api, with its keys in the \
         environment and no SSM; of `/healthz` for the others. {} starts each, taking turns.",
        effort.rounds * 2
    ));
    section.add(table);
    section.add(images());
    section.save("start")
}

fn ready_after(program: Program) -> Result<Duration> {
    let address = free_address()?;
    let path = if program == Program::Api { "GET /readyz" } else { "GET /healthz" };
    let started = Instant::now();
    let mut server = Server::spawn_alone(Setup::alone(program), address)?;
    loop {
        if is_ready(address, path).unwrap_or(false) {
            return Ok(started.elapsed());
        }
        server.check()?;
        if started.elapsed() > Duration::from_secs(20) {
            bail!("{} is not ready after 20 s", program.name());
        }
        std::thread::sleep(Duration::from_micros(200));
    }
}

fn is_ready(address: SocketAddr, line: &str) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect(address)?;
    write!(stream, "{line} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n")?;
    let mut head = [0; 12];
    stream.read_exact(&mut head)?;
    Ok(&head == b"HTTP/1.1 200")
}

/// The images, where there is an engine that has them.
fn images() -> String {
    let mut found = Vec::new();
    // As `scripts/images.sh build` calls them, and as the containers' test does.
    for name in ["sum-api-api", "sum-api-nginx", "sum-api-test-api", "sum-api-test-nginx"] {
        let listed = Command::new("docker")
            .args(["images", "--format", "{{.Repository}}:{{.Tag}} {{.Size}}", name])
            .output();
        let listed = listed.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
        let listed = listed.unwrap_or_default();
        // The stand-in is a base, not one of ours.
        if let Some(line) = listed.lines().find(|line| !line.contains(":stand-in")) {
            found.push(line.to_owned());
        }
    }
    if found.is_empty() {
        "SKIPPED: image sizes: there is no container engine here that holds the images (`scripts/images.sh build` makes them)."
            .into()
    } else {
        format!(
            "Images, uncompressed: {}. A test image of nginx is on the tests' stand-in base.",
            found.join(", ")
        )
    }
}
