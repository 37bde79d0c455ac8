//! A streamed response body.
//!
//! Nothing is buffered: hyper polls for a piece when the socket has room for it, and for the next piece after it has
//! written that one. A stream ends in one of these cases:
//!
//! * The service has no more pieces.
//! * The caller disconnects. hyper drops the body, and with it everything that the service's stream holds.
//! * The caller takes nothing for a long time. The server cuts the connection. Until then, the stream holds one piece.
//! * The process stops. The server ends the stream normally, so the caller reads a complete response and reconnects
//!   to another task.
//!
//! A stream of server-sent events has heartbeats: after half of the document's `x-stream.idle` without a piece, the
//! chassis sends a comment line, which clients ignore. The idle timeouts of the sidecar and of the load balancer are
//! longer than `x-stream.idle`. A stream of another media type has no heartbeats: the service must send a piece in
//! time.

use crate::request_id::RequestId;
use crate::telemetry::millis;
use bytes::Bytes;
use futures_util::Stream;
use std::any::Any;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep};

/// Time in which a caller must take a piece. The server finds out within the same time again.
pub(crate) const STUCK: Duration = Duration::from_secs(30);

/// A comment of server-sent events, on a line of its own.
const COMMENT: Bytes = Bytes::from_static(b":\n");

/// The pieces of a body, with its heartbeat and its end.
pub struct Streaming {
    pieces: Pin<Box<dyn Stream<Item = Bytes> + Send>>,
    /// The length of all pieces, if it is known.
    length: Option<u64>,
    heartbeat: Option<Heartbeat>,
    /// The stream ends when this completes.
    end: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    /// Notes the time of each piece.
    progress: Option<Arc<Progress>>,
    /// Dropped with the stream.
    held: Vec<Box<dyn Any + Send>>,
}

struct Heartbeat {
    every: Duration,
    next: Pin<Box<Sleep>>,
}

impl fmt::Debug for Streaming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Streaming").finish_non_exhaustive()
    }
}

impl Streaming {
    pub(crate) fn new(pieces: impl Stream<Item = Bytes> + Send + 'static) -> Self {
        Self {
            length: None,
            pieces: Box::pin(pieces),
            heartbeat: None,
            end: None,
            progress: None,
            held: Vec::new(),
        }
    }

    pub(crate) fn with_length(mut self, length: u64) -> Self {
        self.length = Some(length);
        self
    }

    pub(crate) fn length(&self) -> Option<u64> {
        self.length
    }

    /// Sends a comment after each interval of this length without a piece.
    pub(crate) fn beat(&mut self, every: Duration) {
        self.heartbeat = Some(Heartbeat { every, next: Box::pin(sleep(every)) });
    }

    /// Ends the stream when `end` completes.
    pub(crate) fn end_with(&mut self, end: impl Future<Output = ()> + Send + 'static) {
        self.end = Some(Box::pin(end));
    }

    /// Keeps a value until the stream has ended.
    pub(crate) fn hold(&mut self, value: impl Send + 'static) {
        self.held.push(Box::new(value));
    }

    /// Notes here whether the caller takes the pieces.
    pub(crate) fn watch(&mut self, progress: Arc<Progress>) {
        self.progress = Some(progress);
    }

    /// Logs the duration of the stream when it ends.
    pub(crate) fn log_end(&mut self, id: RequestId) {
        self.hold(LogEnd { id, since: Instant::now() });
    }

    /// Cold, so that this code does not slow down complete responses.
    #[cold]
    pub(crate) fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let polled = self.poll_next(context);
        if let Some(progress) = &self.progress {
            progress.note(matches!(polled, Poll::Ready(Some(_))));
        }
        polled
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        // Checked first, so that a stream without pauses also ends.
        if let Some(end) = &mut self.end
            && end.as_mut().poll(context).is_ready()
        {
            return Poll::Ready(None);
        }
        if let Poll::Ready(piece) = self.pieces.as_mut().poll_next(context) {
            if let Some(heartbeat) = &mut self.heartbeat {
                heartbeat.restart();
            }
            return Poll::Ready(piece);
        }
        if let Some(heartbeat) = &mut self.heartbeat
            && heartbeat.next.as_mut().poll(context).is_ready()
        {
            heartbeat.restart();
            return Poll::Ready(Some(COMMENT));
        }
        Poll::Pending
    }
}

/// Whether the peer of a stream takes its bytes. hyper asks for the next piece as soon as it has room for it.
#[derive(Debug, Default)]
pub(crate) struct Progress(Mutex<Option<Instant>>);

impl Progress {
    /// A piece was given, or a piece was asked for.
    pub(crate) fn note(&self, has_piece: bool) {
        *self.lock() = has_piece.then(Instant::now);
    }

    /// The time at which the last piece must be taken. `None` if it was.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.lock().map(|since| since + STUCK)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Heartbeat {
    fn restart(&mut self) {
        self.next.as_mut().reset(Instant::now() + self.every);
    }
}

struct LogEnd {
    id: RequestId,
    since: Instant,
}

impl Drop for LogEnd {
    fn drop(&mut self) {
        let took_ms = millis(self.since.elapsed());
        tracing::debug!(request_id = self.id.as_str(), took_ms, "stream ended");
    }
}
