//! Costs that do not depend on the load of the machine: instructions, allocations, system calls.
//!
//! Each is the difference of two runs of the same server, one with many and one with few requests over one
//! kept-alive connection, divided by the difference in requests. The cost of start and end cancels out.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use loadgen::Pace;

use crate::load::Load;
use crate::program::Setup;
use crate::server::Server;

/// Requests of the short run. The process is warm after these.
const FEW: u64 = 500;
/// Requests of the long run.
const MANY: u64 = 2500;
/// Runs of which the cheapest counts. Once in a few starts, the heap has no free block of the size that each request
/// needs, and the allocator then searches for one in every request: 480 instructions more, for the life of the process.
const STARTS: usize = 7;
/// Time limit for a tool to write its report.
const PATIENCE: Duration = Duration::from_secs(5);

/// A tool that counts while a server runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counter {
    /// Instructions in user space, by callgrind.
    Instructions,
    /// Blocks allocated on the heap, by DHAT.
    Allocations,
    /// System calls, by strace.
    SystemCalls,
}

/// The count for one request at the front of `setup`.
pub fn for_one_request(counter: Counter, setup: Setup, request: &[u8]) -> Result<f64> {
    let few = least(counter, setup, request, FEW)?;
    let many = least(counter, setup, request, MANY)?;
    Ok((many as f64 - few as f64) / (MANY - FEW) as f64)
}

/// The total of the cheapest start. Only instructions differ between two starts.
fn least(counter: Counter, setup: Setup, request: &[u8], requests: u64) -> Result<u64> {
    let starts = if counter == Counter::Instructions { STARTS } else { 1 };
    let totals = (0..starts).map(|_| total(counter, setup, request, requests));
    Ok(totals.collect::<Result<Vec<_>>>()?.into_iter().min().expect("there is at least one start"))
}

fn total(counter: Counter, setup: Setup, request: &[u8], requests: u64) -> Result<u64> {
    let directory = tempfile::tempdir()?;
    let report = directory.path().join("report");
    let server = Server::start_under(setup, &tool(counter, &report))?;
    Load::to(server.address, vec![request.to_vec()])?.run(Pace::Count(requests))?;
    drop(server);
    // strace is a separate process and can still write after the server has ended.
    let stopped = Instant::now();
    loop {
        let text = fs::read_to_string(&report).unwrap_or_default();
        match parse(counter, &text) {
            Some(total) => return Ok(total),
            None if stopped.elapsed() < PATIENCE => sleep(Duration::from_millis(5)),
            None => bail!("{counter:?} of {} left no total: {text:?}", setup.name()),
        }
    }
}

fn tool(counter: Counter, report: &Path) -> Vec<String> {
    let report = report.display();
    let words = match counter {
        Counter::Instructions => {
            format!("valgrind --tool=callgrind --callgrind-out-file=/dev/null --log-file={report}")
        }
        Counter::Allocations => {
            format!("valgrind --tool=dhat --dhat-out-file=/dev/null --log-file={report}")
        }
        // -D makes the server the direct child, so that it gets the signal. strace is a separate process.
        Counter::SystemCalls => format!("strace -D -f -c -o {report}"),
    };
    words.split(' ').map(String::from).collect()
}

/// The total in a tool's report.
fn parse(counter: Counter, report: &str) -> Option<u64> {
    match counter {
        Counter::Instructions => {
            number(report.lines().find_map(|line| line.split_once("Collected : "))?.1)
        }
        Counter::Allocations => {
            let line = report.lines().find_map(|line| line.split_once("Total:"))?.1;
            number(line.split_once(" in ")?.1.split(' ').next()?)
        }
        Counter::SystemCalls => {
            let line = report.lines().rfind(|line| line.ends_with(" total"))?;
            number(line.split_whitespace().nth(3).or_else(|| line.split_whitespace().nth(2))?)
        }
    }
}

fn number(text: &str) -> Option<u64> {
    text.trim().replace(',', "").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn total_is_read_from_each_report() {
        let callgrind = "==1== Events    : Ir\n==1== Collected : 10880742\n";
        assert_eq!(parse(Counter::Instructions, callgrind), Some(10_880_742));
        let dhat =
            "==1== Total:     12,345 bytes in 67 blocks\n==1== At t-gmax: 1 bytes in 1 blocks\n";
        assert_eq!(parse(Counter::Allocations, dhat), Some(67));
        let strace = "% time     seconds  usecs/call     calls    errors syscall\n\
                      100.00    0.001000           1      3021        12 total\n";
        assert_eq!(parse(Counter::SystemCalls, strace), Some(3021));
    }
}
