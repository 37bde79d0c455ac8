//! Accepts, limits, times and drains connections. It does not depend on routes.
//!
//! The listener, the handler and the stop signal are parameters, so a test controls them and needs no socket.
//!
//! # Idle connections
//! `keep_alive_timeout` is the time limit for an idle connection and for the head of a request. It must be longer than
//! the sidecar keeps an idle connection to the service. Otherwise the service can close a connection at the moment when
//! the sidecar sends a `POST` on it. The sidecar does not send a `POST` twice, so that `POST` would be lost.
//!
//! # Draining
//! The same race exists in a drain. So the drain has three steps:
//!
//! 1. For `drain_grace` after the stop signal, the server still accepts connections and keeps idle ones. Each answer
//!    has `Connection: close`, so the peer closes the connection.
//! 2. Then the server closes the listener and the idle connections.
//! 3. `drain_timeout` after the signal, it cuts the connections that still have a request in flight.
//!
//! The drain ends early when no connection is open.

use crate::connections::{Connections, Handler, Limits};
use crate::telemetry::millis;
use futures_util::FutureExt;
use hyper::rt::{Read, Write};
use hyper_util::rt::TokioIo;
use std::future::Future;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep, timeout};

/// The pause after a failed accept, such as "too many open files". An immediate retry would fail again and use a
/// whole core.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A source of connections.
pub trait Listener: Send {
    /// A connection.
    type Io: Read + Write + Unpin + Send + 'static;

    /// The next connection. Dropping the future loses no connection.
    fn accept(&mut self) -> impl Future<Output = io::Result<Self::Io>> + Send;
}

impl Listener for TcpListener {
    type Io = TokioIo<TcpStream>;

    async fn accept(&mut self) -> io::Result<Self::Io> {
        let (stream, _peer) = TcpListener::accept(self).await?;
        // A response is written in one piece. Without this, the kernel could delay its last segment.
        stream.set_nodelay(true)?;
        Ok(TokioIo::new(stream))
    }
}

/// The result of a drain.
#[derive(Debug, PartialEq, Eq)]
pub struct Drained {
    /// Connections that were cut at `drain_timeout`.
    pub cut: usize,
}

/// Serves until `stop` completes, then drains.
pub async fn run<L: Listener, H: Handler>(
    mut listener: L,
    handler: Arc<H>,
    limits: Limits,
    stop: impl Future<Output = ()>,
) -> Drained {
    let mut connections = Connections::new(handler, &limits);
    let serving = async {
        loop {
            step(&mut listener, &mut connections).await;
        }
    };
    tokio::select! {
        () = serving => {}
        () = stop => {}
    }

    let deadline = Instant::now() + limits.drain_timeout;
    connections.drain();
    let grace = limits.drain_grace.min(limits.drain_timeout);
    let _: Result<(), _> = timeout(grace, until_none(&mut listener, &mut connections)).await;
    drop(listener);
    Drained { cut: connections.finish(deadline).await }
}

/// Accepts one connection or waits for one to end.
async fn step<L: Listener, H: Handler>(listener: &mut L, connections: &mut Connections<H>) {
    tokio::select! {
        accepted = listener.accept(), if !connections.is_full() => match accepted {
            Ok(io) => connections.start(io),
            Err(error) => pause(&error).await,
        },
        () = connections.next_end() => {}
    }
}

/// Accepts connections until none is open and none waits in the queue.
async fn until_none<L: Listener, H: Handler>(listener: &mut L, connections: &mut Connections<H>) {
    loop {
        if connections.is_empty() {
            tokio::task::yield_now().await; // Lets the runtime poll the socket once more.
            match listener.accept().now_or_never() {
                Some(Ok(io)) => connections.start(io),
                _ => return,
            }
        }
        step(listener, connections).await;
    }
}

/// Logs an error and pauses. Ignores a peer that disconnected before it was accepted.
async fn pause(error: &io::Error) {
    if matches!(
        error.kind(),
        ErrorKind::ConnectionRefused | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset
    ) {
        return;
    }
    tracing::warn!(%error, pause_ms = millis(ACCEPT_PAUSE), "cannot accept");
    sleep(ACCEPT_PAUSE).await;
}
