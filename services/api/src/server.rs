//! Connections: accepted, bounded, timed and drained. Knows no routes.
//!
//! The listener, the handler and the stop signal come from outside, so a test owns all three and needs no
//! socket.
//!
//! # Idle connections
//! hyper's `header_read_timeout` is two things in one: how long the head of a request may take, and how long
//! a kept-alive connection may idle. It must be longer than the sidecar keeps an idle connection to us. Were
//! it shorter, we would close one in the moment that the sidecar sends a `POST` on it, and that `POST`
//! would be lost, because it is never sent twice.
//!
//! # Draining
//! The same race exists at the end. So the stop signal cuts no idle connection at first: for `drain_grace`
//! everything goes on, new connections included, but each answer carries `Connection: close`, and the peer
//! itself lets go. Then the listener and the idle connections close; what is still in flight has until
//! `drain_timeout`, counted from the signal. As soon as no connection is open, there is nothing to wait for.

use bytes::Bytes;
use futures_util::FutureExt;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::rt::{Read, Write};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use prometheus_client::metrics::gauge::Gauge;
use std::convert::Infallible;
use std::future::Future;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep, timeout, timeout_at};

/// Longest request head, in bytes; the sidecar's buffers are as large. Longer is a 431.
const MAX_HEAD: usize = 8 * 1024;
/// Most bytes read ahead on one connection: a head and a body.
const MAX_BUFFER: usize = 16 * 1024;
/// How long accepting rests after an error such as "too many open files", which does not go away by itself.
/// Trying again at once would burn a core.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

const CLOSE: HeaderValue = HeaderValue::from_static("close");

/// Answers requests.
pub trait Handler: Send + Sync + 'static {
    /// Must not panic: a panic here costs the connection.
    fn handle(
        &self,
        request: Request<Incoming>,
    ) -> impl Future<Output = Response<Full<Bytes>>> + Send;
}

/// Where connections come from.
pub trait Listener: Send {
    /// A connection.
    type Io: Read + Write + Unpin + Send + 'static;

    /// The next connection. Dropping the future loses none.
    fn accept(&mut self) -> impl Future<Output = io::Result<Self::Io>> + Send;
}

impl Listener for TcpListener {
    type Io = TokioIo<TcpStream>;

    async fn accept(&mut self) -> io::Result<Self::Io> {
        let (stream, _peer) = TcpListener::accept(self).await?;
        // A response goes out in one piece. Waiting for more of it would only delay the last segment.
        stream.set_nodelay(true)?;
        Ok(TokioIo::new(stream))
    }
}

/// The server's bounds.
#[derive(Debug, Clone)]
pub struct Limits {
    /// For the head of a request, and for idling between two.
    pub keep_alive_timeout: Duration,
    /// Connections open at once; more wait in the kernel's queue.
    pub max_connections: usize,
    /// How long accepting goes on after the stop signal.
    pub drain_grace: Duration,
    /// How long after the stop signal the last connection is cut.
    pub drain_timeout: Duration,
}

/// How a server came to its end.
#[derive(Debug, PartialEq, Eq)]
pub struct Drained {
    /// Connections that were cut because time ran out.
    pub cut: usize,
}

/// Serves until `stop` completes, then drains. `open` shows the number of open connections meanwhile.
pub async fn run<L: Listener, H: Handler>(
    mut listener: L,
    handler: Arc<H>,
    limits: Limits,
    open: Gauge,
    stop: impl Future<Output = ()>,
) -> Drained {
    let mut connections = Connections::new(handler, &limits, open);
    let serving = async {
        loop {
            connections.step(&mut listener).await;
        }
    };
    tokio::select! {
        () = serving => {}
        () = stop => {}
    }

    let deadline = Instant::now() + limits.drain_timeout;
    connections.shared.draining.store(true, Ordering::Relaxed);
    let grace = limits.drain_grace.min(limits.drain_timeout);
    let _: Result<(), _> = timeout(grace, connections.until_none(&mut listener)).await;
    drop(listener);
    connections.finish(deadline).await
}

/// What all connections have in common.
struct Shared<H> {
    handler: Arc<H>,
    draining: AtomicBool,
}

struct Connections<H> {
    shared: Arc<Shared<H>>,
    http: http1::Builder,
    tasks: JoinSet<()>,
    graceful: GracefulShutdown,
    max: usize,
    open: Gauge,
}

impl<H: Handler> Connections<H> {
    fn new(handler: Arc<H>, limits: &Limits, open: Gauge) -> Self {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(limits.keep_alive_timeout)
            .max_header_size(MAX_HEAD)
            .max_buf_size(MAX_BUFFER);
        Self {
            shared: Arc::new(Shared { handler, draining: AtomicBool::new(false) }),
            http,
            tasks: JoinSet::new(),
            graceful: GracefulShutdown::new(),
            max: limits.max_connections,
            open,
        }
    }

    /// Accepts one connection or sees one end.
    async fn step<L: Listener>(&mut self, listener: &mut L) {
        tokio::select! {
            accepted = listener.accept(), if self.tasks.len() < self.max => match accepted {
                Ok(io) => self.start(io),
                Err(error) => pause(&error).await,
            },
            Some(ended) = self.tasks.join_next(), if !self.tasks.is_empty() => self.end(ended),
        }
    }

    /// Goes on accepting until nothing is open and nothing waits in the queue.
    async fn until_none<L: Listener>(&mut self, listener: &mut L) {
        loop {
            if self.tasks.is_empty() {
                tokio::task::yield_now().await; // Lets the runtime look at the socket once more.
                match listener.accept().now_or_never() {
                    Some(Ok(io)) => self.start(io),
                    _ => return,
                }
            }
            self.step(listener).await;
        }
    }

    /// Closes what is idle, and cuts at `deadline` what is not done.
    async fn finish(mut self, deadline: Instant) -> Drained {
        let graceful = std::mem::take(&mut self.graceful);
        let closing = async {
            tokio::join!(graceful.shutdown(), async {
                while let Some(ended) = self.tasks.join_next().await {
                    self.end(ended);
                }
            })
        };
        let in_time = timeout_at(deadline, closing).await.is_ok();
        let cut = if in_time { 0 } else { self.tasks.len() };
        self.tasks.shutdown().await;
        self.open.set(0);
        Drained { cut }
    }

    fn start<I: Read + Write + Unpin + Send + 'static>(&mut self, io: I) {
        let shared = Arc::clone(&self.shared);
        let service = service_fn(move |request| {
            let shared = Arc::clone(&shared);
            async move {
                let mut response = shared.handler.handle(request).await;
                if shared.draining.load(Ordering::Relaxed) {
                    response.headers_mut().insert(CONNECTION, CLOSE);
                }
                Ok::<_, Infallible>(response)
            }
        });
        let connection = self.graceful.watch(self.http.serve_connection(io, service));
        self.tasks.spawn(async move {
            // A peer that idles too long, breaks off or does not speak HTTP is its own affair.
            if let Err(error) = connection.await {
                tracing::debug!(%error, timeout = error.is_timeout(), "connection ended");
            }
        });
        self.open.inc();
    }

    fn end(&mut self, ended: Result<(), JoinError>) {
        self.open.dec();
        if let Err(error) = ended {
            tracing::error!(cause = %error, "connection failed");
        }
    }
}

/// A peer that went away before it was accepted is nothing. Any other error is told, and answered by a rest.
async fn pause(error: &io::Error) {
    if matches!(
        error.kind(),
        ErrorKind::ConnectionRefused | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset
    ) {
        return;
    }
    tracing::warn!(%error, pause_ms = ACCEPT_PAUSE.as_millis(), "cannot accept");
    sleep(ACCEPT_PAUSE).await;
}
