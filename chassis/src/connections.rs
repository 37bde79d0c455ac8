//! The open connections: served, counted, closed when they idle too long, and drained.
//!
//! hyper has a timer for idle connections and hyper-util a watch for the end, and every request pays for both:
//! each head makes a timer and throws it away, each wake-up looks at the watch. Together they cost more than
//! reading, adding and writing the numbers. So a connection here only notes since when it has been waiting
//! for a request, and one sweep looks at the notes when the oldest may be due. A connection that waits has
//! nothing to lose, so closing it is ending its task.

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::rt::{Read, Write};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::{AbortHandle, Id, JoinError, JoinSet};
use tokio::time::{Instant, sleep_until, timeout_at};

/// Longest request head, in bytes; the sidecar's buffers are as large. Longer is a 431.
const MAX_HEAD: usize = 8 * 1024;
/// Most bytes read ahead on one connection: a head and a body.
const MAX_BUFFER: usize = 16 * 1024;

const CLOSE: HeaderValue = HeaderValue::from_static("close");

/// Answers requests.
pub trait Handler: Send + Sync + 'static {
    /// Must not panic: a panic here costs the connection.
    fn handle(
        &self,
        request: Request<Incoming>,
    ) -> impl Future<Output = Response<Full<Bytes>>> + Send;

    /// How many connections are open from here on. Nobody needs to know.
    fn connections(&self, _open: usize) {}
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
        }
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Whether there are as many as there may be.
    pub(crate) fn is_full(&self) -> bool {
        self.tasks.len() >= self.max
    }

    /// Serves a new one.
    pub(crate) fn start<I: Read + Write + Unpin + Send + 'static>(&mut self, io: I) {
        let connection = Arc::new(Connection {
            handler: Arc::clone(&self.handler),
            draining: Arc::clone(&self.draining),
            waiting_since: Mutex::new(Some(Instant::now())),
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
            let due = since + self.keep_alive_timeout;
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
        for (task, connection) in self.open.values() {
            if connection.waiting_since().is_some() {
                task.abort();
            }
        }
        let all = async {
            while let Some(ended) = self.tasks.join_next_with_id().await {
                self.end(ended);
            }
        };
        let _: Result<(), _> = timeout_at(deadline, all).await;
        let cut = self.tasks.len();
        self.tasks.shutdown().await;
        self.handler.connections(0);
        cut
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
    draining: Arc<AtomicBool>,
    /// For the head of a request; `None` while one is answered.
    waiting_since: Mutex<Option<Instant>>,
}

impl<H: Handler> Connection<H> {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        self.wait(None);
        let mut response = self.handler.handle(request).await;
        if self.draining.load(Ordering::Relaxed) {
            // hyper closes the connection once this is written, so it will not wait again.
            response.headers_mut().insert(CONNECTION, CLOSE);
        } else {
            self.wait(Some(Instant::now()));
        }
        response
    }

    fn wait(&self, since: Option<Instant>) {
        *self.waiting_since.lock().unwrap_or_else(PoisonError::into_inner) = since;
    }

    fn waiting_since(&self) -> Option<Instant> {
        *self.waiting_since.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
