//! What can be asked for: one section of the page, or all of them.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use probe::program::Program;

use crate::effort::Effort;
use crate::{autoscale, builds, counts, growth, latency, limiter, memory, soak, start, throughput};

#[derive(Parser)]
#[command(about = "Measures sum-api beside its peers and writes docs/performance.md")]
pub struct Arguments {
    /// Very short, to see that everything runs; the figures mean nothing
    #[arg(long, global = true)]
    pub tiny: bool,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// Everything but the soak, in under 15 minutes
    Run,
    /// Instructions, allocations and system calls of a request
    Counts,
    /// Closed loop: requests a second and CPU time, taking turns
    Throughput,
    /// Open loop: latencies at 25, 50 and 80 % of saturation
    Latency,
    /// Resident memory
    Memory,
    /// Time from exec to ready, and sizes
    Start,
    /// Cost by body, digits, keys and connections
    Growth,
    /// Accuracy of the sidecar's limit
    Limiter {
        #[arg(long, default_value_t = 60)]
        seconds: u64,
    },
    /// The autoscaling settings against a step, a ramp, a day and a flood
    Autoscale,
    /// Cold and warm builds of the service
    Builds,
    /// Memory under a steady load
    Soak {
        #[arg(long, default_value_t = 10.0)]
        minutes: f64,
    },
    /// Only write the page from what was measured
    Page,
}

const EVERYTHING: [(&str, Command); 9] = [
    ("counts", Command::Counts),
    ("throughput", Command::Throughput),
    ("latency", Command::Latency),
    ("memory", Command::Memory),
    ("start", Command::Start),
    ("growth", Command::Growth),
    ("limiter", Command::Limiter { seconds: 60 }),
    ("autoscale", Command::Autoscale),
    ("builds", Command::Builds),
];

impl Command {
    /// Measures what the command names.
    pub fn measure(&self, effort: Effort) -> Result<()> {
        match self {
            Self::Run => everything(effort),
            Self::Counts => counts::run(),
            Self::Throughput => throughput::run(effort),
            Self::Latency => latency::run(effort),
            Self::Memory => memory::run(effort),
            Self::Start => start::run(effort),
            Self::Growth => growth::run(effort),
            Self::Limiter { seconds } => {
                limiter::run(Duration::from_secs(*seconds).min(effort.limiter))
            }
            Self::Autoscale => autoscale::run(),
            Self::Builds => builds::run(),
            Self::Soak { minutes } => soak::run(*minutes),
            Self::Page => Ok(()),
        }
    }
}

fn everything(effort: Effort) -> Result<()> {
    if !Program::Go.exists() {
        println!("SKIPPED: Go net/http: there is no Go compiler here");
    }
    let started = Instant::now();
    let of = EVERYTHING.len();
    for ((name, section), number) in EVERYTHING.iter().zip(1..) {
        println!("[{number}/{of}] {name}, {} s so far", started.elapsed().as_secs());
        if matches!(section, Command::Builds) && !effort.builds {
            continue;
        }
        section.measure(effort).context(*name)?;
    }
    println!("done after {} s", started.elapsed().as_secs());
    Ok(())
}
