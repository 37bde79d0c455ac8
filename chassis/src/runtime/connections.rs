//! The open connections: served, counted, closed when they idle too long, and drained.
//!
//! hyper has a timer for idle connections and hyper-util a watch for the end, and every request pays for both:
//! each head makes a timer and throws it away, each wake-up looks at the watch. Together they cost more than
//! reading, adding and writing the numbers. So a connection here only notes since when it has been waiting
//! for a request, and one sweep looks at the notes when the oldest may be due. A connection that waits has
//! nothing to lose, so closing it is ending its task.

use crate::answer::{Answer, Body};
use crate::stream::Streaming;
use hyper::Request;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::rt::{Read, Write};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::{AbortHandle, Id, JoinError, JoinSet};
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

/// Longest request head, in bytes; the sidecar's buffers are as large. Longer is a 431.
const MAX_HEAD: usize = 8 * 1024;
/// Connections beyond the bound, so that a full process still answers its probes: those of the load balancer, of the
/// container and of the sidecar, each perhaps twice.
const RESERVED: usize = 8;
/// For the head of a request on one of them. It is short, so that a caller that says nothing does not keep out the
/// probes.
const RESERVED_IDLE: Duration = Duration::from_secs(2);
/// How long the last bytes of a stream may take before its connection is closed in a drain.
const STREAM_END: Duration = Duration::from_millis(100);
/// Most bytes read ahead on one connection: a head and a body.
const MAX_BUFFER: usize = 16 * 1024;

const CLOSE: HeaderValue = HeaderValue::from_static("close");

/// Answers requests.
pub trait Handler: Send + Sync + 'static {
    /// Must not panic: a panic here costs the connection.
    fn handle(&self, request: Request<Incoming>, seat: Seat)
    -> impl Future<Output = Answer> + Send;

    /// How many connections are open from here on. Nobody needs to know.
    fn connections(&self, _open: usize) {}
}

/// What a connection may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seat {
    /// Any request.
    Regular,
    /// Probes: all regular ones are taken. The connection closes with its first answer.
    Reserved,
}

/// The server's bounds.
#[derive(Debug, Clone)]
pub struct Limits {
    /// For the head of a request, and for idling between two.
    pub keep_alive_timeout: Duration,
    /// Connections open at once for any request. A few more are for probes, and others wait in the kernel's queue.
    pub max_connections: usize,
    /// How long accepting goes on after the stop signal.
    pub drain_grace: Duration,
    /// How long after the stop signal the last connection is cut.
    pub drain_timeout: Duration,
}

/// All open connections of a server.
pub(crate) struct Connections<H> {
    handler: Arc<H>,
    http: http1::Builder,
    tasks: JoinSet<()>,
    open: HashMap<Id, (AbortHandle, Arc<Connection<H>>)>,
    max: usize,
    keep_alive_timeout: Duration,
    /// No connection can have idled too long before.
    next_sweep: Instant,
    draining: Arc<AtomicBool>,
    /// Turns true when streams have to end.
    streams_end: watch::Sender<bool>,
}

impl<H: Handler> Connections<H> {
    /// None yet.
    pub(crate) fn new(handler: Arc<H>, limits: &Limits) -> Self {
        let mut http = http1::Builder::new();
        // An answer is small: copying its body behind its head is cheaper than handing the kernel both.
        http.max_header_size(MAX_HEAD).max_buf_size(MAX_BUFFER).writev(false);
        // A header that the sidecar lets through and hyper does not, such as a `User-Agent` with a control byte,
        // would be an empty 400. Framing does not depend on this: the sidecar writes that itself.
        http.ignore_invalid_headers(true);
        Self {
            handler,
            http,
            tasks: JoinSet::new(),
            open: HashMap::new(),
            max: limits.max_connections,
            keep_alive_timeout: limits.keep_alive_timeout,
            next_sweep: Instant::now() + limits.keep_alive_timeout,
            draining: Arc::default(),
            streams_end: watch::Sender::new(false),
        }
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Whether there are as many as there may be, the reserved ones included.
    pub(crate) fn is_full(&self) -> bool {
        self.tasks.len() >= self.max + RESERVED
    }

    /// Serves a new one.
    pub(crate) fn start<I: Read + Write + Unpin + Send + 'static>(&mut self, io: I) {
        let now = Instant::now();
        let (seat, idle) = if self.tasks.len() < self.max {
            (Seat::Regular, self.keep_alive_timeout)
        } else {
            (Seat::Reserved, RESERVED_IDLE.min(self.keep_alive_timeout))
        };
        self.next_sweep = self.next_sweep.min(now + idle);
        let connection = Arc::new(Connection {
            handler: Arc::clone(&self.handler),
            seat,
            idle,
            draining: Arc::clone(&self.draining),
            streams_end: self.streams_end.subscribe(),
            busy: AtomicBool::new(false),
            waiting_since: Mutex::new(now),
        });
        let service = {
            let connection = Arc::clone(&connection);
            service_fn(move |request| {
                let connection = Arc::clone(&connection);
                async move { Ok::<_, Infallible>(connection.answer(request).await) }
            })
        };
        let serving = self.http.serve_connection(io, service);
        let task = self.tasks.spawn(async move {
            // A peer that breaks off or does not speak HTTP is its own affair.
            if let Err(error) = serving.await {
                tracing::debug!(%error, "connection ended");
            }
        });
        self.open.insert(task.id(), (task, connection));
        self.handler.connections(self.open.len());
    }

    /// Closes what idles too long, until one connection has ended. Never ends while there is none.
    pub(crate) async fn next_end(&mut self) {
        loop {
            tokio::select! {
                Some(ended) = self.tasks.join_next_with_id() => return self.end(ended),
                () = sleep_until(self.next_sweep) => self.sweep(),
            }
        }
    }

    fn sweep(&mut self) {
        let now = Instant::now();
        self.next_sweep = now + self.keep_alive_timeout;
        for (task, connection) in self.open.values() {
            let Some(since) = connection.waiting_since() else { continue };
            let due = since + connection.idle;
            if due <= now {
                tracing::debug!("connection idled too long");
                task.abort();
            } else {
                self.next_sweep = self.next_sweep.min(due);
            }
        }
    }

    /// From here on every answer closes its connection.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Closes what waits for a request, lets the others finish until `deadline`, and says how many it cut then.
    pub(crate) async fn finish(mut self, deadline: Instant) -> usize {
        self.close_waiting(Duration::ZERO);
        self.streams_end.send_replace(true);
        let all = async {
            while !self.tasks.is_empty() {
                tokio::select! {
                    Some(ended) = self.tasks.join_next_with_id() => self.end(ended),
                    // The caller of a stream was not told that its connection would close.
                    () = sleep(STREAM_END) => self.close_waiting(STREAM_END),
                }
            }
        };
        let _: Result<(), _> = timeout_at(deadline, all).await;
        let cut = self.tasks.len();
        self.tasks.shutdown().await;
        self.handler.connections(0);
        cut
    }

    /// Closes what has waited for a request for so long.
    fn close_waiting(&self, at_least: Duration) {
        let now = Instant::now();
        for (task, connection) in self.open.values() {
            if connection.waiting_since().is_some_and(|since| since + at_least <= now) {
                task.abort();
            }
        }
    }

    fn end(&mut self, ended: Result<(Id, ()), JoinError>) {
        let id = match ended {
            Ok((id, ())) => id,
            Err(error) => {
                if error.is_panic() {
                    tracing::error!(cause = %error, "connection failed");
                }
                error.id()
            }
        };
        self.open.remove(&id);
        self.handler.connections(self.open.len());
    }
}

/// One open connection.
struct Connection<H> {
    handler: Arc<H>,
    seat: Seat,
    /// For the head of a request.
    idle: Duration,
    draining: Arc<AtomicBool>,
    streams_end: watch::Receiver<bool>,
    /// While a request is answered.
    busy: AtomicBool,
    /// For the head of a request.
    waiting_since: Mutex<Instant>,
}

impl<H: Handler> Connection<H> {
    async fn answer(self: &Arc<Self>, request: Request<Incoming>) -> Answer {
        // No lock: the time is set before this turns false again.
        self.busy.store(true, Ordering::Relaxed);
        let mut answer = self.handler.handle(request, self.seat).await;
        let last = self.seat == Seat::Reserved || self.draining.load(Ordering::Relaxed);
        if last {
            // hyper closes the connection once this is written, so it will not wait again.
            answer.headers_mut().insert(CONNECTION, CLOSE);
        }
        if let Body::Stream(stream) = answer.body_mut() {
            self.follow(stream);
        } else if !last {
            self.wait();
        }
        answer
    }

    /// Ends a stream with the server, and keeps its connection from being taken for an idle one.
    #[cold]
    fn follow(self: &Arc<Self>, stream: &mut Streaming) {
        let mut end = self.streams_end.clone();
        stream.end_with(async move {
            let _ = end.wait_for(|end| *end).await;
        });
        stream.hold(Busy(Arc::clone(self)));
    }

    fn wait(&self) {
        *self.waiting_since.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.busy.store(false, Ordering::Release);
    }

    /// `None` while a request is answered.
    fn waiting_since(&self) -> Option<Instant> {
        let since = || *self.waiting_since.lock().unwrap_or_else(PoisonError::into_inner);
        (!self.busy.load(Ordering::Acquire)).then(since)
    }
}

/// The connection of a stream waits for no request before the stream has ended.
struct Busy<H: Handler>(Arc<Connection<H>>);

impl<H: Handler> Drop for Busy<H> {
    fn drop(&mut self) {
        self.0.wait();
    }
}
