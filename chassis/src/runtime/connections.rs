//! Serves, counts and drains the open connections, and closes idle ones.
//!
//! hyper has a timer for idle connections, and hyper-util has a watch for the shutdown. Both add work to every
//! request: each head creates and drops a timer, and each wake-up checks the watch. Together they cost more than
//! reading, adding and writing the numbers of a sum. So a connection here only stores the time from which it waits
//! for a request. One sweep checks these times when the oldest can be due. Ending the task of a waiting connection
//! closes it without losing data.

use crate::answer::{Answer, Body};
use crate::stream::{Progress, STUCK, Streaming};
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

/// Longest request head, in bytes, the same as the sidecar's buffers. A longer head is a 431.
const MAX_HEAD: usize = 8 * 1024;
/// Connections beyond the bound, so that a full process still answers its probes: those of the load balancer, the
/// container and the sidecar, each possibly twice.
const RESERVED: usize = 8;
/// Time limit for the head of a request on a reserved connection. It is short, so that silent callers do not block
/// the probes.
const RESERVED_IDLE: Duration = Duration::from_secs(2);
/// Time for the last bytes of a stream in a drain, before its connection is closed.
const STREAM_END: Duration = Duration::from_millis(100);
/// Most bytes that are read ahead on one connection: a head and a body.
const MAX_BUFFER: usize = 16 * 1024;

const CLOSE: HeaderValue = HeaderValue::from_static("close");

/// Answers requests.
pub trait Handler: Send + Sync + 'static {
    /// Must not panic: a panic here ends the connection.
    fn handle(&self, request: Request<Incoming>, seat: Seat)
    -> impl Future<Output = Answer> + Send;

    /// Receives the number of open connections when it changes. The default ignores it.
    fn connections(&self, _open: usize) {}
}

/// The permitted use of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seat {
    /// Any request.
    Regular,
    /// Only probes, because all regular ones are in use. The connection closes after its first answer.
    Reserved,
}

/// The server's bounds.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Time limit for the head of a request, and for an idle connection.
    pub keep_alive_timeout: Duration,
    /// Connections open at once for any request. Eight more are for probes. Others wait in the kernel's queue.
    pub max_connections: usize,
    /// Time after the stop signal in which new connections are accepted.
    pub drain_grace: Duration,
    /// Time after the stop signal until the remaining connections are cut.
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
    /// The earliest time at which a connection can have idled too long.
    next_sweep: Instant,
    draining: Arc<AtomicBool>,
    /// Becomes true when streams must end.
    streams_end: watch::Sender<bool>,
}

impl<H: Handler> Connections<H> {
    /// Starts without connections.
    pub(crate) fn new(handler: Arc<H>, limits: &Limits) -> Self {
        let mut http = http1::Builder::new();
        // An answer is small. Copying its body behind its head is cheaper than passing both to the kernel.
        http.max_header_size(MAX_HEAD).max_buf_size(MAX_BUFFER).writev(false);
        // The sidecar forwards some headers that hyper rejects, such as a `User-Agent` with a control byte. Without
        // this, such a header would be an empty 400. Framing is safe: the sidecar writes those headers itself.
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

    /// Whether no connection is open.
    pub(crate) fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Whether all connections are in use, including the reserved ones.
    pub(crate) fn is_full(&self) -> bool {
        self.tasks.len() >= self.max + RESERVED
    }

    /// Serves a new connection.
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
            progress: Arc::default(),
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
            // The peer broke off or sent invalid HTTP.
            if let Err(error) = serving.await {
                tracing::debug!(%error, "connection ended");
            }
        });
        self.open.insert(task.id(), (task, connection));
        self.handler.connections(self.open.len());
    }

    /// Closes connections that idle too long, until one connection has ended. Never returns while there is none.
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
        self.next_sweep = now + self.keep_alive_timeout.min(STUCK);
        for (task, connection) in self.open.values() {
            let idle = connection.waiting_since().map(|since| since + connection.idle);
            let Some(due) = idle.or_else(|| connection.progress.due()) else { continue };
            if due <= now {
                tracing::debug!("connection idled, or took nothing, for too long");
                task.abort();
            } else {
                self.next_sweep = self.next_sweep.min(due);
            }
        }
    }

    /// From now on every answer closes its connection.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Closes waiting connections, lets the others finish until `deadline`, and returns how many it cut then.
    pub(crate) async fn finish(mut self, deadline: Instant) -> usize {
        self.close_waiting(Duration::ZERO);
        self.streams_end.send_replace(true);
        let all = async {
            while !self.tasks.is_empty() {
                tokio::select! {
                    Some(ended) = self.tasks.join_next_with_id() => self.end(ended),
                    // The response head of a stream did not announce that its connection closes.
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

    /// Closes the connections that have waited for a request for at least this time.
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
    /// Time limit for the head of a request.
    idle: Duration,
    draining: Arc<AtomicBool>,
    streams_end: watch::Receiver<bool>,
    /// True while a request is answered.
    busy: AtomicBool,
    /// The time from which the connection waits for the head of a request.
    waiting_since: Mutex<Instant>,
    /// That of its stream.
    progress: Arc<Progress>,
}

impl<H: Handler> Connection<H> {
    async fn answer(self: &Arc<Self>, request: Request<Incoming>) -> Answer {
        // No lock: the time is set before this becomes false again.
        self.busy.store(true, Ordering::Relaxed);
        let mut answer = self.handler.handle(request, self.seat).await;
        let last = self.seat == Seat::Reserved || self.draining.load(Ordering::Relaxed);
        if last {
            // hyper closes the connection after writing this, so the connection does not wait again.
            answer.headers_mut().insert(CONNECTION, CLOSE);
        }
        if let Body::Stream(stream) = answer.body_mut() {
            self.follow(stream);
        } else if !last {
            self.wait();
        }
        answer
    }

    /// Ends a stream when the server stops, and keeps its connection busy until then.
    #[cold]
    fn follow(self: &Arc<Self>, stream: &mut Streaming) {
        let mut end = self.streams_end.clone();
        stream.end_with(async move {
            let _ = end.wait_for(|end| *end).await;
        });
        stream.watch(Arc::clone(&self.progress));
        stream.hold(Busy(Arc::clone(self)));
    }

    fn wait(&self) {
        *self.waiting_since.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.busy.store(false, Ordering::Release);
    }

    /// The start of the wait. `None` while a request is answered.
    fn waiting_since(&self) -> Option<Instant> {
        let since = || *self.waiting_since.lock().unwrap_or_else(PoisonError::into_inner);
        (!self.busy.load(Ordering::Acquire)).then(since)
    }
}

/// Keeps the connection of a stream busy until the stream has ended.
struct Busy<H: Handler>(Arc<Connection<H>>);

impl<H: Handler> Drop for Busy<H> {
    fn drop(&mut self) {
        self.0.progress.note(false);
        self.0.wait();
    }
}
