//! A response body that comes piece by piece.
//!
//! Nothing is buffered: hyper asks for a piece when there is room for it in the socket, and asks for the next one
//! when that is written. A stream ends
//! * when the service has no more pieces;
//! * when the caller goes away: hyper notices the closed connection and drops the body, and with it whatever the
//!   service's stream holds;
//! * when the process stops: the server ends it as if the service had ended it, so the caller reads a complete
//!   response and comes back to another task.
//!
//! Server-sent events carry heartbeats: a comment line, which every client ignores, after half of the document's
//! `x-stream.idle` without a piece. Every idle timeout on the way is longer: the document's is below that of the
//! load balancer, and the sidecar waits longer than the document's. Streams of another media type have no such filler;
//! the service itself must send something in time.

use crate::request_id::RequestId;
use crate::telemetry::millis;
use bytes::Bytes;
use futures_util::Stream;
use std::any::Any;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep};

/// A comment of server-sent events, on a line of its own.
const COMMENT: Bytes = Bytes::from_static(b":\n");

/// The pieces of a body, and what ends or fills them.
pub struct Streaming {
    pieces: Pin<Box<dyn Stream<Item = Bytes> + Send>>,
    heartbeat: Option<Heartbeat>,
    /// The stream ends when this completes.
    end: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
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
        Self { pieces: Box::pin(pieces), heartbeat: None, end: None, held: Vec::new() }
    }

    /// Sends a comment whenever there was no piece for so long.
    pub(crate) fn beat(&mut self, every: Duration) {
        self.heartbeat = Some(Heartbeat { every, next: Box::pin(sleep(every)) });
    }

    /// Ends the stream when `end` completes, if it has not ended before.
    pub(crate) fn end_with(&mut self, end: impl Future<Output = ()> + Send + 'static) {
        self.end = Some(Box::pin(end));
    }

    /// Keeps a value until the stream has ended.
    pub(crate) fn hold(&mut self, value: impl Send + 'static) {
        self.held.push(Box::new(value));
    }

    /// Logs how long the stream was, when it has ended.
    pub(crate) fn log_end(&mut self, id: RequestId) {
        self.hold(LogEnd { id, since: Instant::now() });
    }

    /// Cold, so that a response that is there at once pays for nothing here.
    #[cold]
    pub(crate) fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        // First, so that a stream that never pauses ends too.
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
