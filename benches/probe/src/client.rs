//! The load: one thread, many kept-alive connections, two ways to drive them.
//!
//! *Closed loop*: each connection sends its next request when it has its answer. That finds the most that a
//! server can do, and says nothing about latency, because a slow server slows its own load down.
//!
//! *Open loop*: requests are due at fixed moments, whatever the server does. A latency counts from the
//! moment a request was due, not from when a connection became free to send it, so a stall is seen by
//! every request that it delays (no coordinated omission). The thread spins rather than sleeps: a timer's
//! millisecond would drown what is measured in microseconds.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use hdrhistogram::Histogram;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::head::Head;

/// How long nothing may happen before a run is given up.
const PATIENCE: Duration = Duration::from_secs(10);

/// What one run saw.
#[derive(Debug)]
pub struct Outcome {
    /// Answers with status 200.
    pub ok: u64,
    /// Answers with status 429.
    pub limited: u64,
    /// Other answers, and connections that broke with a request on them.
    pub failed: u64,
    /// The status of the last of those; 0 when there was none, or no answer.
    pub last_failure: u16,
    /// From the first request to the last answer.
    pub elapsed: Duration,
    /// Latencies in nanoseconds; from the moment a request was due in an open loop.
    pub latency: Histogram<u64>,
    /// Answers other than 429 by connection, in the order in which they were opened, and by its request.
    pub passed_by_request: Vec<Vec<u64>>,
}

impl Outcome {
    /// Answers a second.
    pub fn rate(&self) -> f64 {
        self.ok as f64 / self.elapsed.as_secs_f64()
    }
}

/// When requests are sent, and when the run ends.
#[derive(Debug, Clone, Copy)]
pub enum Pace {
    /// As fast as answers come, this many in all.
    Count(u64),
    /// As fast as answers come, for so long.
    Closed(Duration),
    /// So many a second, for so long. The thread spins.
    Open { rate: f64, duration: Duration },
    /// The same for who wants counts, not latencies: the thread sleeps until the next millisecond.
    Steady { rate: f64, duration: Duration },
    /// So many at once, then nothing until `period` is over, for so long.
    Bursts { size: u64, period: Duration, duration: Duration },
}

impl Pace {
    /// Whether nothing more is to be sent. What was due in an open loop is sent, however late: the last
    /// requests of a stall must not go missing.
    fn is_over(self, sent: u64, elapsed: Duration) -> bool {
        match self {
            Self::Count(count) => sent >= count,
            Self::Closed(duration) => elapsed >= duration,
            Self::Open { rate, duration } | Self::Steady { rate, duration } => {
                sent as f64 >= rate * duration.as_secs_f64() || elapsed > duration * 4
            }
            Self::Bursts { size, period, duration } => {
                sent >= size * duration.div_duration_f64(period).ceil() as u64
                    || elapsed > duration * 4
            }
        }
    }

    /// When request number `sent`, from 0, is due.
    fn due(self, sent: u64, started: Instant, now: Instant) -> Instant {
        match self {
            Self::Count(_) | Self::Closed(_) => now,
            Self::Open { rate, .. } | Self::Steady { rate, .. } => {
                started + Duration::from_secs_f64(sent as f64 / rate)
            }
            Self::Bursts { size, period, .. } => started + period * (sent / size) as u32,
        }
    }

    /// How long to wait for answers before looking at the clock again.
    fn wait(self) -> Duration {
        match self {
            Self::Count(_) | Self::Closed(_) => Duration::from_millis(100),
            Self::Open { .. } => Duration::ZERO,
            Self::Steady { .. } | Self::Bursts { .. } => Duration::from_millis(1),
        }
    }
}

/// Connections to one server, or several.
pub struct Client {
    poll: Poll,
    events: Events,
    connections: Vec<Connection>,
    idle: VecDeque<usize>,
    outcome: Outcome,
}

struct Connection {
    address: SocketAddr,
    stream: TcpStream,
    /// Sent in turn.
    requests: Vec<Vec<u8>>,
    turn: usize,
    answer: Vec<u8>,
    /// When the request now under way was due.
    due: Option<Instant>,
}

impl Client {
    /// Opens one connection for each target: an address, and the requests that it sends in turn.
    pub fn open(targets: Vec<(SocketAddr, Vec<Vec<u8>>)>) -> Result<Self> {
        ensure!(targets.iter().all(|(_, requests)| !requests.is_empty()), "a request is missing");
        ensure!(!targets.is_empty(), "a client needs a target");
        let poll = Poll::new()?;
        let mut connections = Vec::with_capacity(targets.len());
        for (place, (address, requests)) in targets.into_iter().enumerate() {
            connections.push(Connection {
                address,
                stream: connect(address, &poll, place)?,
                requests,
                turn: 0,
                answer: Vec::with_capacity(1024),
                due: None,
            });
        }
        let idle = (0..connections.len()).collect();
        Ok(Self {
            poll,
            events: Events::with_capacity(1024),
            connections,
            idle,
            outcome: empty(Vec::new()),
        })
    }

    /// One connection for each of `requests`, all to one address.
    pub fn to(address: SocketAddr, requests: Vec<Vec<u8>>) -> Result<Self> {
        Self::open(requests.into_iter().map(|request| (address, vec![request])).collect())
    }

    /// Drives the connections at `pace` and says what came of it. Can be called again.
    pub fn run(&mut self, pace: Pace) -> Result<Outcome> {
        let counters = self.connections.iter().map(|one| vec![0; one.requests.len()]).collect();
        self.outcome = empty(counters);
        let started = Instant::now();
        let mut last_answer = started;
        let mut answered = 0;
        let mut sent = 0_u64;
        loop {
            let now = Instant::now();
            let over = pace.is_over(sent, now - started);
            if over && self.idle.len() == self.connections.len() {
                break;
            }
            while !pace.is_over(sent, now - started) && !self.idle.is_empty() {
                let due = pace.due(sent, started, now);
                if due > now {
                    break;
                }
                let free = self.idle.pop_front().expect("it is not empty");
                self.send(free, due)?;
                sent += 1;
            }
            self.receive(pace.wait())?;
            let seen = self.outcome.ok + self.outcome.limited + self.outcome.failed;
            if seen > answered || self.idle.len() == self.connections.len() {
                (answered, last_answer) = (seen, Instant::now());
            }
            if last_answer.elapsed() > PATIENCE {
                bail!("no answer for {} s", PATIENCE.as_secs());
            }
        }
        self.outcome.elapsed = started.elapsed();
        Ok(std::mem::replace(&mut self.outcome, empty(Vec::new())))
    }

    fn send(&mut self, place: usize, due: Instant) -> Result<()> {
        let connection = &mut self.connections[place];
        connection.due = Some(due);
        // A request is far smaller than a socket's buffer, which is empty between two requests.
        connection.turn = (connection.turn + 1) % connection.requests.len();
        let request = &connection.requests[connection.turn];
        match connection.stream.write(request) {
            Ok(length) if length == request.len() => Ok(()),
            Ok(_) => bail!("a request did not fit into the socket's buffer"),
            Err(_) => self.replace(place),
        }
    }

    fn receive(&mut self, wait: Duration) -> Result<()> {
        match self.poll.poll(&mut self.events, Some(wait)) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error.into()),
            _ => {}
        }
        let ready: Vec<usize> = self.events.iter().map(|event| event.token().0).collect();
        for place in ready {
            self.read(place)?;
        }
        Ok(())
    }

    fn read(&mut self, place: usize) -> Result<()> {
        let mut buffer = [0; 16 * 1024];
        loop {
            let connection = &mut self.connections[place];
            match connection.stream.read(&mut buffer) {
                Ok(0) => return self.replace(place),
                Ok(length) => connection.answer.extend_from_slice(&buffer[..length]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(_) => return self.replace(place),
            }
            let Some(head) = Head::read(&connection.answer) else { continue };
            if connection.answer.len() < head.length {
                continue;
            }
            connection.answer.clear();
            if let Some(due) = connection.due.take() {
                let latency = u64::try_from(due.elapsed().as_nanos()).unwrap_or(u64::MAX);
                self.outcome.latency.saturating_record(latency);
                if head.status != 429 {
                    let turn = self.connections[place].turn;
                    self.outcome.passed_by_request[place][turn] += 1;
                }
                match head.status {
                    200 => self.outcome.ok += 1,
                    429 => self.outcome.limited += 1,
                    status => {
                        self.outcome.failed += 1;
                        self.outcome.last_failure = status;
                    }
                }
                if head.closes {
                    let address = self.connections[place].address;
                    self.connections[place].stream = connect(address, &self.poll, place)?;
                }
                self.idle.push_back(place);
            }
        }
    }

    /// A new connection in place of one that ended. A request that was on it has failed.
    fn replace(&mut self, place: usize) -> Result<()> {
        let connection = &mut self.connections[place];
        connection.answer.clear();
        if connection.due.take().is_some() {
            self.outcome.failed += 1;
            self.idle.push_back(place);
        }
        connection.stream = connect(connection.address, &self.poll, place)?;
        Ok(())
    }
}

fn empty(passed_by_request: Vec<Vec<u64>>) -> Outcome {
    let latency =
        Histogram::new_with_bounds(1, 60_000_000_000, 3).expect("the bounds are in order");
    Outcome {
        ok: 0,
        limited: 0,
        failed: 0,
        last_failure: 0,
        elapsed: Duration::ZERO,
        latency,
        passed_by_request,
    }
}

fn connect(address: SocketAddr, poll: &Poll, place: usize) -> Result<TcpStream> {
    let stream = std::net::TcpStream::connect(address)
        .with_context(|| format!("connecting to {address}"))?;
    stream.set_nodelay(true)?;
    stream.set_nonblocking(true)?;
    let mut stream = TcpStream::from_std(stream);
    poll.registry().register(&mut stream, Token(place), Interest::READABLE)?;
    Ok(stream)
}
