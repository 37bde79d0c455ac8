//! Load over HTTP/1.1: one thread, kept-alive connections, separate requests for each caller.
//!
//! In an open loop, requests are due at fixed times. The latency of a request counts from its due time, not from the
//! time of sending. So a stall of the server counts for every request that it delays (no coordinated omission).
//!
//! docs/drills.md explains why the project does not use an existing tool.

mod head;
mod pace;

use std::collections::VecDeque;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use head::Head;
pub use pace::Pace;

/// The interval of the search for requests without an answer.
const LOOK: Duration = Duration::from_millis(100);

/// A sender: one kept-alive connection, and requests that it sends in turn.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The address that it connects to.
    pub address: SocketAddr,
    /// Whole requests, at least one.
    pub requests: Vec<Vec<u8>>,
}

/// The result of a request.
#[derive(Debug)]
pub struct Answer<'a> {
    /// Which caller sent it.
    pub caller: usize,
    /// Which of the caller's requests it was.
    pub request: usize,
    /// The due time. In a closed loop, the time of sending.
    pub due: Instant,
    /// The time from `due` to the end of the answer.
    pub latency: Duration,
    /// The status. 0 without a complete answer.
    pub status: u16,
    /// The body, or the reason for the missing answer.
    pub body: &'a [u8],
}

/// Callers with their connections.
#[derive(Debug)]
pub struct Client {
    poll: Poll,
    events: Events,
    callers: Vec<Caller>,
    connections: Vec<Connection>,
    idle: VecDeque<usize>,
    patience: Duration,
    in_turn: bool,
    /// If set, the client sends no more requests.
    pub stop: Arc<AtomicBool>,
}

#[derive(Debug)]
struct Connection {
    caller: usize,
    stream: Option<TcpStream>,
    turn: usize,
    answer: Vec<u8>,
    /// The due time and the sending time of the request in flight.
    pending: Option<(Instant, Instant)>,
}

impl Client {
    /// The caller whose connection has been free for the longest time sends next. A request waits if no connection is
    /// free. A request without an answer after `patience` has failed.
    pub fn new(callers: Vec<Caller>, patience: Duration) -> std::io::Result<Self> {
        let connections: Vec<_> = (0..callers.len()).map(Connection::new).collect();
        Ok(Self {
            poll: Poll::new()?,
            events: Events::with_capacity(1024),
            callers,
            idle: (0..connections.len()).collect(),
            connections,
            patience,
            in_turn: false,
            stop: Arc::default(),
        })
    }

    /// The callers send in turn, independent of earlier requests. A caller with only busy connections opens another.
    pub fn in_turn(callers: Vec<Caller>, patience: Duration) -> std::io::Result<Self> {
        Ok(Self { in_turn: true, ..Self::new(callers, patience)? })
    }

    /// Sends at `pace`, calls `seen` with each answer, and returns the time from the first request to the last answer.
    /// Can be called again.
    pub fn run(
        &mut self,
        pace: Pace,
        mut seen: impl FnMut(&Answer<'_>),
    ) -> std::io::Result<Duration> {
        let started = Instant::now();
        let mut looked = started;
        let mut sent = 0_u64;
        loop {
            let now = Instant::now();
            let mut over = self.stop.load(Ordering::Relaxed) || pace.is_over(sent, now - started);
            if over && self.idle.len() == self.connections.len() {
                return Ok(started.elapsed());
            }
            while !over {
                let due = pace.due(sent, started, now);
                if due > now {
                    break;
                }
                let Some(free) = self.free(sent) else { break };
                self.send(free, due, &mut seen);
                sent += 1;
                over = pace.is_over(sent, now - started);
            }
            self.receive(pace.wait(), &mut seen)?;
            if now - looked > LOOK {
                looked = now;
                self.give_up(now, &mut seen);
            }
        }
    }

    /// Takes a free connection.
    fn free(&mut self, sent: u64) -> Option<usize> {
        if !self.in_turn {
            return self.idle.pop_front();
        }
        let caller = usize::try_from(sent).unwrap_or_default() % self.callers.len();
        let known = self.idle.iter().position(|place| self.connections[*place].caller == caller);
        known.and_then(|known| self.idle.remove(known)).or_else(|| {
            self.connections.push(Connection::new(caller));
            Some(self.connections.len() - 1)
        })
    }

    fn send(&mut self, place: usize, due: Instant, seen: &mut impl FnMut(&Answer<'_>)) {
        let connection = &mut self.connections[place];
        let caller = &self.callers[connection.caller];
        connection.pending = Some((due, Instant::now()));
        connection.turn = (connection.turn + 1) % caller.requests.len();
        let request = &caller.requests[connection.turn];
        if connection.stream.is_none() {
            match connect(caller.address, self.patience, &self.poll, place) {
                Ok(stream) => connection.stream = Some(stream),
                Err(error) => return self.fail(place, &format!("cannot connect: {error}"), seen),
            }
        }
        // A request is much smaller than a socket's buffer, which is empty between two requests.
        let written = connection.stream.as_mut().map(|stream| stream.write(request));
        if !matches!(written, Some(Ok(length)) if length == request.len()) {
            self.fail(place, "the connection was closed", seen);
        }
    }

    fn receive(
        &mut self,
        wait: Duration,
        seen: &mut impl FnMut(&Answer<'_>),
    ) -> std::io::Result<()> {
        match self.poll.poll(&mut self.events, Some(wait)) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        let ready: Vec<usize> = self.events.iter().map(|event| event.token().0).collect();
        for place in ready {
            self.read(place, seen);
        }
        Ok(())
    }

    fn read(&mut self, place: usize, seen: &mut impl FnMut(&Answer<'_>)) {
        let mut buffer = [0; 16 * 1024];
        loop {
            let connection = &mut self.connections[place];
            let Some(stream) = &mut connection.stream else { return };
            match stream.read(&mut buffer) {
                Ok(length) if length > 0 => connection.answer.extend_from_slice(&buffer[..length]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                _ => return self.fail(place, "the connection was closed", seen),
            }
            let head = match Head::read(&connection.answer) {
                Ok(Some(head)) if connection.answer.len() >= head.length => head,
                Ok(_) => continue,
                Err(reason) => return self.fail(place, &reason, seen),
            };
            if head.closes {
                connection.stream = None;
            }
            self.end(place, head.status, head.body, None, seen);
        }
    }

    /// Fails requests without an answer after `patience`.
    fn give_up(&mut self, now: Instant, seen: &mut impl FnMut(&Answer<'_>)) {
        for place in 0..self.connections.len() {
            let sent = self.connections[place].pending.map(|(_, sent)| sent);
            if sent.is_some_and(|sent| now.saturating_duration_since(sent) > self.patience) {
                self.fail(place, "no answer in time", seen);
            }
        }
    }

    /// Handles the end of a connection. Its request in flight has failed.
    fn fail(&mut self, place: usize, reason: &str, seen: &mut impl FnMut(&Answer<'_>)) {
        self.connections[place].stream = None;
        self.end(place, 0, 0, Some(reason), seen);
    }

    fn end(
        &mut self,
        place: usize,
        status: u16,
        body: usize,
        failure: Option<&str>,
        seen: &mut impl FnMut(&Answer<'_>),
    ) {
        let connection = &mut self.connections[place];
        if let Some((due, _)) = connection.pending.take() {
            let body = failure.map_or(&connection.answer[body..], str::as_bytes);
            let (caller, request) = (connection.caller, connection.turn);
            seen(&Answer { caller, request, due, latency: due.elapsed(), status, body });
            self.idle.push_back(place);
        }
        connection.answer.clear();
    }
}

impl Connection {
    fn new(caller: usize) -> Self {
        Self { caller, stream: None, turn: 0, answer: Vec::with_capacity(1024), pending: None }
    }
}

fn connect(
    address: SocketAddr,
    patience: Duration,
    poll: &Poll,
    place: usize,
) -> std::io::Result<TcpStream> {
    let stream = std::net::TcpStream::connect_timeout(&address, patience)?;
    stream.set_nodelay(true)?;
    stream.set_nonblocking(true)?;
    let mut stream = TcpStream::from_std(stream);
    poll.registry().register(&mut stream, Token(place), Interest::READABLE)?;
    Ok(stream)
}
