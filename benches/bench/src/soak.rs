//! Measures the growth of memory of sum-api under a steady load for minutes.

use std::time::{Duration, Instant};

use anyhow::Result;
use loadgen::Pace;
use probe::load::Load;
use probe::program::{Program, Setup};
use probe::request;
use probe::server::Server;

use crate::section::Section;
use crate::table::whole;

const RATE: f64 = 4000.0;
const SLICE: Duration = Duration::from_secs(5);

/// Loads for this time and saves the section `soak`.
pub fn run(minutes: f64) -> Result<()> {
    let mut section = Section::new("Soak");
    let server = Server::start(Setup::alone(Program::Api))?;
    let mut load = Load::to(server.address, request::usual_for(64))?;
    let (started, mut requests, mut sizes) = (Instant::now(), 0, Vec::new());
    let past = || started.elapsed().as_secs_f64() / 60.0;
    while past() < minutes {
        requests += load.run(Pace::Steady { rate: RATE, duration: SLICE })?.answers;
        let mib = server.resident_mib();
        sizes.push(mib);
        println!("{:5.1} min  {mib:.2} MiB  {} requests", past(), whole(requests as f64));
    }
    let (first, last) = (sizes[0], sizes[sizes.len() - 1]);
    let most = sizes.into_iter().fold(0.0, f64::max);
    section.note("growth_mib", last - first);
    section.add(format!(
        "sum-api ran for {minutes:.0} minutes, with {} requests at {} a second over 64 connections. Its resident memory was \
         {first:.2} MiB after the first 5 s, {last:.2} MiB at the end, and {most:.2} MiB at most.",
        whole(requests as f64), whole(RATE)
    ));
    section.save("soak")
}
