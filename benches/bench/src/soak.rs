//! Whether memory stays flat: sum-api under a steady load for minutes.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use probe::client::{Client, Pace};
use probe::program::{Program, Setup};
use probe::request;
use probe::server::Server;

use crate::plot::{self, Axis, Line};
use crate::section::Section;
use crate::table::whole;

const RATE: f64 = 4000.0;
const SLICE: Duration = Duration::from_secs(5);

/// Loads for so long and saves the section `soak`.
pub fn run(minutes: f64) -> Result<()> {
    let mut section = Section::new("Soak");
    let server = Server::start(Setup::alone(Program::Api))?;
    let mut client = Client::to(server.address, request::usual_for(64))?;
    let (started, mut requests, mut points) = (Instant::now(), 0, Vec::new());
    let wanted = Duration::from_secs_f64(minutes * 60.0);
    while started.elapsed() < wanted {
        let outcome = client.run(Pace::Steady { rate: RATE, duration: SLICE })?;
        ensure!(outcome.failed == 0, "{} requests failed", outcome.failed);
        requests += outcome.ok;
        let mib = server.resident_kib() as f64 / 1024.0;
        points.push((started.elapsed().as_secs_f64() / 60.0, mib));
        println!(
            "{:5.1} min  {mib:.2} MiB  {} requests",
            started.elapsed().as_secs_f64() / 60.0,
            whole(requests as f64)
        );
    }
    let (first, last) = (points[0].1, points[points.len() - 1].1);
    let most = points.iter().map(|point| point.1).fold(0.0, f64::max);
    section.note("minutes", minutes);
    section.note("growth_mib", last - first);
    section.note("most_mib", most);
    section.add(format!(
        "sum-api for {minutes:.0} minutes, {} requests at {} a second over 64 connections: {first:.2} MiB resident after the first \
         5 s, {last:.2} MiB at the end, {most:.2} MiB at most.",
        whole(requests as f64), whole(RATE)
    ));
    section.add(plot::lines(
        "soak",
        "Resident memory of sum-api under a steady load",
        Axis::linear("minutes"),
        Axis::linear("MiB"),
        &[Line { name: "sum-api".into(), points }],
    )?);
    section.save("soak")
}
