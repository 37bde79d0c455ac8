//! `make bench`: the figures of docs/performance.md, measured side by side with the peers.
//!
//! Each command measures one section of the page, keeps it, and writes the page anew; `run` measures them all.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use probe::program::Program;

mod autoscale;
mod builds;
mod conditions;
mod counts;
mod growth;
mod latency;
mod limiter;
mod memory;
mod page;
mod parallel;
mod plot;
mod section;
mod settings;
mod simulation;
mod soak;
mod start;
mod table;
mod targets;
mod throughput;

/// How much time a measurement may take.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// Rounds in which all take turns.
    pub rounds: usize,
    /// How long one turn is.
    pub slice: Duration,
    /// The "million" of requests after which memory is looked at.
    pub many_requests: u64,
}

const FULL: Effort =
    Effort { rounds: 12, slice: Duration::from_millis(500), many_requests: 1_000_000 };
/// To see that everything runs. The figures mean nothing.
const TINY: Effort = Effort { rounds: 2, slice: Duration::from_millis(200), many_requests: 20_000 };

#[derive(Parser)]
#[command(about = "Measures sum-api beside its peers and writes docs/performance.md")]
struct Arguments {
    /// Very short, to see that everything runs; the figures mean nothing
    #[arg(long, global = true)]
    tiny: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
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
    /// Cold and warm builds of the service
    Builds,
    /// Accuracy of the sidecar's limit
    Limiter {
        #[arg(long, default_value_t = 60)]
        seconds: u64,
    },
    /// Memory under a steady load
    Soak {
        #[arg(long, default_value_t = 10.0)]
        minutes: f64,
    },
    /// The autoscaling settings against a step, a ramp, a day and a flood
    Autoscale,
    /// Only write the page from what was measured
    Page,
    /// Hold the counts and the size to benches/gates.json
    Gate,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let effort = if arguments.tiny { TINY } else { FULL };
    let limiter =
        |seconds| limiter::run(Duration::from_secs(if arguments.tiny { 6 } else { seconds }));
    match arguments.command {
        Command::Run => run(effort, arguments.tiny)?,
        Command::Counts => counts::run()?,
        Command::Throughput => throughput::run(effort)?,
        Command::Latency => latency::run(effort)?,
        Command::Memory => memory::run(effort)?,
        Command::Start => start::run(effort)?,
        Command::Growth => growth::run(effort)?,
        Command::Builds => builds::run()?,
        Command::Limiter { seconds } => limiter(seconds)?,
        Command::Soak { minutes } => soak::run(minutes)?,
        Command::Autoscale => autoscale::run()?,
        Command::Page => {}
        Command::Gate => {
            let measured = probe::gate::measure()?;
            let gates = probe::gate::read(&probe::gate::file())?;
            for check in probe::gate::check(&measured, &gates)? {
                println!("{}", check.line());
            }
            return Ok(());
        }
    }
    page::write()
}

fn run(effort: Effort, tiny: bool) -> Result<()> {
    if !Program::Go.exists() {
        println!("SKIPPED: Go net/http: there is no Go compiler here");
    }
    let seconds = if tiny { 6 } else { 60 };
    let steps: [(&str, &dyn Fn() -> Result<()>); 9] = [
        ("counts", &counts::run),
        ("throughput", &|| throughput::run(effort)),
        ("latency", &|| latency::run(effort)),
        ("memory", &|| memory::run(effort)),
        ("start", &|| start::run(effort)),
        ("growth", &|| growth::run(effort)),
        ("limiter", &|| limiter::run(Duration::from_secs(seconds))),
        ("autoscale", &autoscale::run),
        ("builds", &|| if tiny { Ok(()) } else { builds::run() }),
    ];
    let started = Instant::now();
    for (number, (name, step)) in steps.iter().enumerate() {
        println!(
            "[{}/{}] {name}, {} s so far",
            number + 1,
            steps.len(),
            started.elapsed().as_secs()
        );
        step().with_context(|| (*name).to_owned())?;
    }
    println!("done after {} s", started.elapsed().as_secs());
    Ok(())
}
