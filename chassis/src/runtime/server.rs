//! Connections: accepted, bounded, timed and drained. Knows no routes.
//!
//! The listener, the handler and the stop signal come from outside, so a test owns all three and needs no
//! socket.
//!
//! # Idle connections
//! `keep_alive_timeout` is two things in one: how long a kept-alive connection may idle, and how long it may
//! take to send the head of a request. It must be longer than the sidecar keeps an idle connection to us. Were
//! it shorter, we would close one in the moment that the sidecar sends a `POST` on it, and that `POST`
//! would be lost, because it is never sent twice.
//!
//! # Draining
//! The same race exists at the end. So the stop signal cuts no idle connection at first: for `drain_grace`
//! everything goes on, new connections included, but each answer carries `Connection: close`, and the peer
//! itself lets go. Then the listener and the idle connections close; what is still in flight has until
//! `drain_timeout`, counted from the signal. As soon as no connection is open, there is nothing to wait for.

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

/// How long accepting rests after an error such as "too many open files", which does not go away by itself.
/// Trying again at once would burn a core.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

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

/// How a server came to its end.
#[derive(Debug, PartialEq, Eq)]
pub struct Drained {
    /// Connections that were cut because time ran out.
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

/// Accepts one connection or sees one end.
async fn step<L: Listener, H: Handler>(listener: &mut L, connections: &mut Connections<H>) {
    tokio::select! {
        accepted = listener.accept(), if !connections.is_full() => match accepted {
            Ok(io) => connections.start(io),
            Err(error) => pause(&error).await,
        },
        () = connections.next_end() => {}
    }
}

/// Goes on accepting until nothing is open and nothing waits in the queue.
async fn until_none<L: Listener, H: Handler>(listener: &mut L, connections: &mut Connections<H>) {
    loop {
        if connections.is_empty() {
            tokio::task::yield_now().await; // Lets the runtime look at the socket once more.
            match listener.accept().now_or_never() {
                Some(Ok(io)) => connections.start(io),
                _ => return,
            }
        }
        step(listener, connections).await;
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
    tracing::warn!(%error, pause_ms = millis(ACCEPT_PAUSE), "cannot accept");
    sleep(ACCEPT_PAUSE).await;
}
