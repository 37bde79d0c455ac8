//! Runs the load generator and collects the figures of a run.
//!
//! A closed loop measures the maximum throughput of a server. It cannot measure latency, because a slow server reduces
//! its own load. An open loop measures latency.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Result, ensure};
use hdrhistogram::Histogram;
use loadgen::{Caller, Client, Pace};

/// Time limit for an answer.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// The result of a run.
#[derive(Debug)]
pub struct Outcome {
    /// Answers, all with status 200.
    pub answers: u64,
    /// The time from the first request to the last answer.
    pub elapsed: Duration,
    /// Latencies in nanoseconds. In an open loop they count from the due time of a request.
    pub latency: Histogram<u64>,
}

/// Kept-alive connections to one server.
#[derive(Debug)]
pub struct Load(Client);

impl Load {
    /// One connection for each of `requests`.
    pub fn to(address: SocketAddr, requests: Vec<Vec<u8>>) -> Result<Self> {
        let caller = |request| Caller { address, requests: vec![request] };
        Ok(Self(Client::new(requests.into_iter().map(caller).collect(), PATIENCE)?))
    }

    /// Sends at `pace`. Every answer must have status 200.
    pub fn run(&mut self, pace: Pace) -> Result<Outcome> {
        let mut latency = Histogram::new_with_bounds(1, 60_000_000_000, 3)?;
        let (mut failed, mut last) = (0, String::new());
        let elapsed = self.0.run(pace, |answer| {
            latency.saturating_record(answer.latency.as_nanos() as u64);
            if answer.status != 200 {
                failed += 1;
                last = format!("{} {}", answer.status, String::from_utf8_lossy(answer.body));
            }
        })?;
        ensure!(failed == 0, "{failed} requests failed, the last: {last}");
        Ok(Outcome { answers: latency.len(), elapsed, latency })
    }
}
