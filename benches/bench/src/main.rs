//! `make bench`: measures the figures of docs/performance.md, together with the peers.
//!
//! Each command measures one section of the page, saves it, and writes the page again.

use anyhow::Result;
use clap::Parser;
use command::Arguments;

mod autoscale;
mod command;
mod conditions;
mod counts;
mod growth;
mod latency;
mod limiter;
mod memory;
mod page;
mod parallel;
mod plan;
mod plot;
mod section;
mod simulation;
mod soak;
mod start;
mod table;
mod targets;
mod throughput;

fn main() -> Result<()> {
    Arguments::parse().measure()?;
    page::write()
}
