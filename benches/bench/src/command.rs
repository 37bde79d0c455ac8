//! The command line: the sections of the page, and their time limits.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};
use probe::program::Program;

use crate::{autoscale, counts, growth, latency, limiter, memory, soak, start, throughput};

#[derive(Parser)]
#[command(about = "Measures sum-api beside its peers and writes docs/performance.md")]
pub struct Arguments {
    /// A very short run that checks that everything works; its figures are not valid
    #[arg(long)]
    tiny: bool,
    /// Sections to measure; by default all except the soak, in under 15 minutes
    #[arg(value_enum)]
    sections: Vec<Name>,
}

/// The sections in the order of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Name {
    /// Instructions, allocations and system calls of a request
    Counts,
    /// Closed loop: requests per second and CPU time, in alternating rounds
    Throughput,
    /// Open loop: latencies at 25, 50 and 80 % of saturation
    Latency,
    /// Resident memory
    Memory,
    /// Time from exec to ready, and sizes
    Start,
    /// Cost by body, digits and keys
    Growth,
    /// Accuracy of the sidecar's limit
    Limiter,
    /// Memory under a steady load
    Soak,
    /// The autoscaling settings with a step, a ramp, a day and a flood
    Autoscale,
    /// Only write the page, without measuring
    Page,
}

/// The time and the requests that a section divides among its setups.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// Number of rounds. In each round all setups take turns.
    pub rounds: usize,
    /// The time of one turn.
    pub slice: Duration,
    /// The number of requests before the second measurement of memory: a million, or fewer.
    pub many_requests: u64,
}

impl Arguments {
    /// Measures the requested sections.
    pub fn measure(&self) -> Result<()> {
        let tiny = self.tiny;
        let effort = Effort {
            rounds: if tiny { 2 } else { 12 },
            slice: Duration::from_millis(if tiny { 200 } else { 500 }),
            many_requests: if tiny { 20_000 } else { 1_000_000 },
        };
        if !Program::Go.exists() {
            println!("SKIPPED: Go net/http: there is no Go compiler here");
        }
        let all = |name: &Name| !matches!(name, Name::Soak | Name::Page);
        let sections = match &self.sections[..] {
            [] => Name::value_variants().iter().copied().filter(all).collect(),
            named => named.to_vec(),
        };
        let started = Instant::now();
        for (number, name) in (1..).zip(&sections) {
            println!(
                "[{number}/{}] {name:?}, {} s so far",
                sections.len(),
                started.elapsed().as_secs()
            );
            let measured = match name {
                Name::Counts => counts::run(),
                Name::Throughput => throughput::run(effort),
                Name::Latency => latency::run(effort),
                Name::Memory => memory::run(effort),
                Name::Start => start::run(effort),
                Name::Growth => growth::run(),
                Name::Limiter => limiter::run(Duration::from_secs(if tiny { 6 } else { 60 })),
                Name::Soak => soak::run(if tiny { 0.2 } else { 10.0 }),
                Name::Autoscale => autoscale::run(),
                Name::Page => Ok(()),
            };
            measured.with_context(|| format!("{name:?}"))?;
        }
        Ok(())
    }
}
