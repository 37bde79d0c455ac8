//! `make bench`: the figures of docs/performance.md, measured side by side with the peers.
//!
//! Each command measures one section of the page, keeps it, and writes the page anew; `run` measures them all.

use anyhow::Result;
use clap::Parser;
use command::Arguments;
use effort::Effort;

mod autoscale;
mod builds;
mod command;
mod conditions;
mod counts;
mod effort;
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

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let effort = if arguments.tiny { Effort::TINY } else { Effort::FULL };
    arguments.command.measure(effort)?;
    page::write()
}
